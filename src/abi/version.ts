import { Status } from "./enums.js";

export type AbiVersion = "0.1.0" | "0.2.0" | "0.2.1";

export interface AbiTraits {
  readonly version: AbiVersion;
  /** `proxy_on_request_headers` and `proxy_on_response_headers` have a third parameter, end_of_stream. */
  readonly headersCarryEndOfStream: boolean;
  /** Reading a header that is absent: NOT_FOUND, or (0.1.0) OK with an empty value. */
  readonly missingField: Status;
  /** Hostcalls that belong to this version alone; the rest belongs to all three. [H] wasm.cc registerCallbacks */
  readonly ownHostcalls: readonly string[];
  /** `proxy_on_foreign_function` is looked up. */
  readonly foreignFunctionCallback: boolean;
}

const legacy = [
  "proxy_get_configuration",
  "proxy_continue_request",
  "proxy_continue_response",
  "proxy_clear_route_cache",
];
const streams = ["proxy_continue_stream", "proxy_close_stream"];

/** All that differs between versions; nothing else in `src` compares version strings. [S] CHANGELOG [H] */
export const abiTraits: Readonly<Record<AbiVersion, AbiTraits>> = {
  "0.1.0": {
    version: "0.1.0",
    headersCarryEndOfStream: false,
    missingField: Status.Ok,
    ownHostcalls: legacy,
    foreignFunctionCallback: false,
  },
  "0.2.0": {
    version: "0.2.0",
    headersCarryEndOfStream: true,
    missingField: Status.NotFound,
    ownHostcalls: streams,
    foreignFunctionCallback: true,
  },
  "0.2.1": {
    version: "0.2.1",
    headersCarryEndOfStream: true,
    missingField: Status.NotFound,
    ownHostcalls: [...streams, "proxy_get_log_level"],
    foreignFunctionCallback: true,
  },
};

/** The marker export of each version. The first function export with one of these names decides. [H] */
export const abiMarkers: Readonly<Record<string, AbiVersion>> = {
  proxy_abi_version_0_1_0: "0.1.0",
  proxy_abi_version_0_2_0: "0.2.0",
  proxy_abi_version_0_2_1: "0.2.1",
};

/** Hostcalls that are not in every version. */
export const versionedHostcalls: ReadonlySet<string> = new Set([...legacy, ...streams, "proxy_get_log_level"]);

/** May a module of version `abi` import `name`? Hostcalls of other versions do not link in Envoy. [H] strict linking */
export function hostcallBelongsTo(name: string, abi: AbiTraits): boolean {
  return !versionedHostcalls.has(name) || abi.ownHostcalls.includes(name);
}
