import { BufferType, Status } from "../../abi/enums.js";
import type { Parameter } from "../../vm/parameters.js";
import { blob, returnBytes, returnU32, u32 } from "../../vm/parameters.js";
import { bufferType, hostcall } from "../hostcall.js";

/** Bytes of the guest that are not looked at before somebody reads them. */
interface LaterBytes {
  read(): Uint8Array;
  bytes: Uint8Array | undefined;
}

/** As `blob`, read by the body: [H] looks for the buffer first, so a missing one wins over a bad address. */
const laterBlob: Parameter<LaterBytes, never> & { readonly decode: string } = {
  wasm: blob.wasm,
  parts: blob.parts,
  doc: blob.doc,
  decode: "{ bytes: undefined, read() { return (this.bytes = memory.copy($0, $1)); } }",
  show: (({ bytes }: LaterBytes) => (bytes === undefined ? "not read" : blob.show(bytes as never))) as (
    value: never,
  ) => string,
};

/**
 * Reads at most `max` bytes from `start`; what lies beyond the end is left out, and a start beyond it gives nothing.
 *
 * BAD_ARGUMENT for buffers above 8; NOT_FOUND while there is no such buffer; INVALID_MEMORY_ACCESS.
 * [S] v0.2.1 #proxy_get_buffer_bytes. The sum of start and max never overflows here: [H] computes in 64 bits.
 */
export const proxyGetBufferBytes = hostcall(
  { name: "proxy_get_buffer_bytes", params: { buffer: bufferType, start: u32, max: u32, value: returnBytes } },
  (call, { buffer, start, max }) => {
    const found = call.acting.buffer(buffer);
    return found === undefined ? Status.NotFound : { value: found.bytes(start, max) };
  },
);

/** Size of a buffer; the flags are always 0. Statuses as for reading. [S] v0.2.1 #proxy_get_buffer_status [H] */
export const proxyGetBufferStatus = hostcall(
  { name: "proxy_get_buffer_status", params: { buffer: bufferType, length: returnU32, flags: returnU32 } },
  (call, { buffer }) => {
    const found = call.acting.buffer(buffer);
    return found === undefined ? Status.NotFound : { length: found.size, flags: 0 };
  },
);

/**
 * Replaces bytes of a body: `start` 0 drops `size` bytes and prepends, a start at or after the end appends.
 *
 * BAD_ARGUMENT for buffers above 8, for those that cannot be written, and [E] for a start inside the buffer; NOT_FOUND as
 * for reading; INVALID_MEMORY_ACCESS. [S] v0.2.1 #proxy_set_buffer_bytes
 */
export const proxySetBufferBytes = hostcall(
  { name: "proxy_set_buffer_bytes", params: { buffer: bufferType, start: u32, size: u32, value: laterBlob } },
  (call, { buffer, start, size, value }) => {
    const found = call.acting.buffer(buffer);
    if (found === undefined) return Status.NotFound;
    const bytes = value.read();
    return found.splice?.(start, size, bytes) ? Status.Ok : Status.BadArgument;
  },
);

/**
 * 0.1.0 only: the plugin's configuration where it may be read, else the VM's. INVALID_MEMORY_ACCESS. [E] getConfiguration
 */
export const proxyGetConfiguration = hostcall(
  { name: "proxy_get_configuration", params: { value: returnBytes } },
  (call) => {
    const found = call.acting.buffer(BufferType.PluginConfiguration) ?? call.configuration;
    return { value: found.bytes(0, found.size) };
  },
);
