import { Status } from "../../abi/enums.js";
import { limits } from "../../abi/limits.js";
import { propertySegments } from "../../abi/property-path.js";
import { blob, returnBytes, text } from "../../vm/parameters.js";
import { hostcall } from "../hostcall.js";

/**
 * Reads a property. The path is segments divided by NUL; a NUL at its end is allowed.
 *
 * NOT_FOUND; SERIALIZATION_FAILURE for an empty path and for what has no bytes (a whole group); INVALID_MEMORY_ACCESS.
 * An empty value is OK with size 0. [S] v0.2.1 #proxy_get_property [E]
 */
export const proxyGetProperty = hostcall(
  { name: "proxy_get_property", params: { path: text, value: returnBytes } },
  (call, { path }) => {
    const segments = propertySegments(path);
    if (segments.length === 0) return Status.SerializationFailure;
    if (segments.length > limits.propertySegments) return Status.NotFound;
    const value = call.acting.property(segments);
    return typeof value === "number" ? value : { value };
  },
);

/**
 * Stores a value under the whole path as its name, for this stream. NOT_FOUND without a stream; BAD_ARGUMENT where it is
 * read-only; INVALID_MEMORY_ACCESS. [S] v0.2.1 #proxy_set_property [E]
 */
export const proxySetProperty = hostcall(
  { name: "proxy_set_property", params: { path: text, value: blob } },
  (call, { path, value }) => call.acting.stream?.setProperty(path, value) ?? Status.NotFound,
);
