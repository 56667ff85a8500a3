/** A payment provider for the examples: in memory, and it knows each refund by the reference it was given. */
export type Refund = { readonly orderId: string; readonly cents: number; readonly reference: string };

export type Payments = {
  refund(refund: Refund, signal: AbortSignal): Promise<Refund>;
  find(reference: string, signal: AbortSignal): Promise<Refund | undefined>;
};

/** What can go wrong on the way back: the money is gone, and what happens then is up to `after`. */
export type FakePayments = Payments & {
  readonly refunds: readonly Refund[];
  after: () => Promise<void> | void;
};

export const createPayments = (): FakePayments => {
  const refunds: Refund[] = [];
  const payments: FakePayments = {
    refunds,
    after: () => undefined,
    async refund(refund) {
      refunds.push(refund);
      await payments.after();
      return refund;
    },
    find: (reference) => Promise.resolve(refunds.find((refund) => refund.reference === reference)),
  };
  return payments;
};
