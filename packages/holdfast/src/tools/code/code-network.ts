import { ConfigurationError } from "../../core/errors.ts";
import { checkOptions } from "../../definitions/known-options.ts";
import {
  NETWORK_OPTIONS,
  resolveNetworkOptions,
  type NetworkOptions,
  type NetworkRules,
} from "../../definitions/network-rules.ts";

/** What code in a sandbox may reach, by HTTP or through a tunnel that an HTTP proxy makes. */
export type CodeNetwork = NetworkOptions & {
  /** Hosts of the public internet: `["pypi.org", "*.example.com"]`. What is in `allow` need not be said again. */
  readonly allowHosts: readonly string[];
};

const OWNER = "codeTools: network";

/** @throws ConfigurationError when an option is wrong, or nothing says which hosts are meant. */
export const resolveNetwork = (given: CodeNetwork): NetworkRules => {
  checkOptions(given, { owner: OWNER, known: NETWORK_OPTIONS, later: [] });
  const { allowHosts, allow = [] } = given;
  if (!Array.isArray(allowHosts)) {
    throw new ConfigurationError("OPTION_INVALID", `${OWNER}: "allowHosts" must be a list of hosts.`, {
      hint: 'Name the hosts that code may reach: { allowHosts: ["pypi.org", "*.example.com"] }.',
    });
  }
  return resolveNetworkOptions(
    { ...given, allowHosts: [...allowHosts, ...allow] },
    { owner: OWNER, verb: "reached" },
  );
};
