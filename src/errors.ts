/** Part of the public API: a code is added, never renamed. */
export type HarnessErrorCode =
  // Wrong use
  | "FILE_UNREADABLE" // a file named by the caller cannot be read
  | "OPTION_INVALID" // an option or argument has a value that cannot be used
  | "ILLEGAL_CALL" // a method was called in a state that does not allow it (after close, out of order)
  // The module
  | "NOT_WASM" // the bytes do not begin with the WebAssembly magic
  | "WASM_TRUNCATED" // the bytes end in the middle of a section
  | "WASM_INVALID" // well framed, yet the engine or our reader refuses it
  | "WASM_COMPONENT" // a component, where a core module is wanted
  | "WASM_FEATURE" // needs a WebAssembly feature that this Node does not have
  | "NOT_PROXY_WASM" // a core module without any proxy-wasm export
  | "ABI_UNKNOWN" // no ABI marker, or one of a version that does not exist yet
  | "ALLOCATOR_MISSING" // neither malloc nor proxy_on_memory_allocate
  | "MEMORY_MISSING" // no linear memory to exchange bytes through
  | "IMPORT_MISSING" // imports something that no host provides
  | "IMPORT_TYPE" // imports a host function with another signature
  | "EXPORT_TYPE" // exports a callback with another signature
  // The plugin
  | "GUEST_TRAPPED" // unreachable, out of bounds, stack overflow, forbidden call; the whole VM is lost
  | "GUEST_TIMEOUT" // one entry into the guest used up its time budget; the whole VM is lost
  | "VM_START_REFUSED" // proxy_on_vm_start answered false
  | "CONFIGURE_REFUSED" // proxy_on_configure answered false
  | "LIMIT_EXCEEDED" // a named limit of src/abi/limits.ts
  // An exchange
  | "UPSTREAM_UNKNOWN" // a route or call goes to an upstream that the test did not define
  | "UPSTREAM_EXHAUSTED" // a script of answers got one request more than it has answers
  | "UPSTREAM_UNUSED" // assertUsed(): a script of answers was not asked for all of them
  | "UPSTREAM_FAILED" // the function that answers for an upstream threw
  | "EXCHANGE_STUCK" // nothing can happen any more, and the exchange is not over
  | "WOULD_CRASH_ENVOY" // a plugin did what ends a real Envoy
  | "DIAGNOSTIC" // with `strict`: something that Envoy leaves undefined
  | "MANIFEST_INVALID" // a YAML file of Kubernetes or Envoy that cannot be used
  | "WORKER_LOST" // a thread of a fuzz run ended by itself
  | "REGISTRY_FAILED" // an image could not be put into a registry
  | "NOT_TESTED" // no attestation says that this module passed its tests with this configuration
  // A real Envoy
  | "ENVOY_MISSING" // none was found where it was looked for
  | "ENVOY_UNUSABLE" // what was found is no Envoy that runs here
  | "ENVOY_WITHOUT_V8" // built without the engine that runs plugins
  | "ENVOY_INSTALL_FAILED" // pip could not fetch it
  | "ENVOY_STUCK" // it did not get ready, or did not end, in its time
  | "SCENARIO_INVALID" // a file of scenarios that cannot be used
  | "RECORDING_INVALID"; // a line of test/recordings that cannot be read

export interface HarnessErrorOptions {
  /** What made this error happen. */
  readonly cause?: unknown;
  /** Further lines for a person: last hostcalls, guest frames, log lines. */
  readonly details?: readonly string[];
}

/**
 * The one error this package throws on purpose.
 *
 * `code` is stable, `message` is one sentence for a person: what failed, on what, the present state, what was wanted.
 */
export class HarnessError extends Error {
  override readonly name = "HarnessError";
  readonly code: HarnessErrorCode;
  readonly details: readonly string[];

  constructor(code: HarnessErrorCode, message: string, options: HarnessErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? [];
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The same error, its message beginning with the file it is about; what is no `HarnessError` stays as it is. */
export function named(thrown: unknown, file: string): unknown {
  if (!(thrown instanceof HarnessError)) return thrown;
  return new HarnessError(thrown.code, `${file}: ${thrown.message}`, { cause: thrown, details: thrown.details });
}
