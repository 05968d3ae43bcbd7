import { BinaryReader } from "./binary.js";
import type { ModuleInfo } from "./module-types.js";

/** A reader of the first custom section called `name`; of nothing when there is none. */
export function customSection(info: ModuleInfo, bytes: Uint8Array, name: string): BinaryReader {
  const { start, end } = info.customSections.find((one) => one.name === name) ?? { start: 0, end: 0 };
  return new BinaryReader(bytes, start, end, `custom section "${name}"`);
}
