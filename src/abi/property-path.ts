import type { ByteString } from "./bytes.js";
import { limits } from "./limits.js";

/**
 * The segments of a property path: parts divided by NUL, one trailing NUL allowed.
 *
 * C++ guests end every part with a NUL, Rust and Go divide with it. An empty path has no segments. [S] [H]
 * Of a path with more than `limits.propertySegments` there is one more than that, so that a caller can tell.
 */
export function propertySegments(path: ByteString): readonly string[] {
  const text = path.endsWith("\0") ? path.slice(0, -1) : path;
  return text === "" ? [] : text.split("\0", limits.propertySegments + 1);
}
