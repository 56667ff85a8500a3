/** Names the place of a current record: an owner and a namespace, and what there is one of in them. */
export const slotKey = (owner: string, namespace: string, slot: string): string =>
  JSON.stringify([owner, namespace, slot]);
