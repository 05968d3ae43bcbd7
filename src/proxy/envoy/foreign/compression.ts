import { deflateSync, inflateSync } from "node:zlib";
import { Status } from "../../../abi/enums.js";
import { limits } from "../../../abi/limits.js";
import { HarnessError } from "../../../errors.js";
import type { ForeignFunction } from "../../../host/foreign-function.js";

/** `compress`: bytes in, a zlib stream of the default level out. [E] Compressor of foreign.cc */
export const compress: ForeignFunction = (bytes) => deflateSync(bytes);

/** `uncompress`: a whole zlib stream in, its bytes out; SERIALIZATION_FAILURE for anything else. */
export const uncompress: ForeignFunction = (bytes) => {
  try {
    return inflateSync(bytes, { maxOutputLength: limits.argumentBytes });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE") return Status.SerializationFailure;
    throw new HarnessError(
      "LIMIT_EXCEEDED",
      `Cannot uncompress ${bytes.length} bytes: they become more than ${limits.argumentBytes} (argumentBytes)`,
      { cause: thrown },
    );
  }
};
