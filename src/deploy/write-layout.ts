import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { HarnessError, messageOf } from "../errors.js";
import type { OciImage } from "./oci.js";

/**
 * Writes an image's layout; one that is there before gets the image instead of its own.
 *
 * @throws {HarnessError} OPTION_INVALID for a folder with other things in it, or one that cannot be written.
 */
export function writeLayout(folder: string, files: OciImage["files"]): void {
  if (existsSync(folder) && !existsSync(join(folder, "oci-layout")) && !isEmpty(folder)) {
    throw new HarnessError(
      "OPTION_INVALID",
      `Cannot write an image to ${folder}: it is there already, and no image layout`,
    );
  }
  try {
    for (const [path, bytes] of files) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
    }
  } catch (thrown) {
    throw new HarnessError("OPTION_INVALID", `Cannot write an image to ${folder}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return false;
  }
}
