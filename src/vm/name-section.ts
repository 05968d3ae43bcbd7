import { tolerant } from "./binary.js";
import { customSection } from "./custom-sections.js";
import type { ModuleInfo } from "./module-types.js";

const functionSubsection = 1;

/**
 * Names of functions, imported ones first, from the `name` section: what Envoy and V8 print in a backtrace.
 *
 * The section only helps people, so a module without one, or with a damaged one, has no names.
 */
export function functionNames(info: ModuleInfo, bytes: Uint8Array): ReadonlyMap<number, string> {
  return tolerant(() => readNames(info, bytes), new Map());
}

function readNames(info: ModuleInfo, bytes: Uint8Array): Map<number, string> {
  const names = new Map<number, string>();
  const section = customSection(info, bytes, "name");
  while (!section.done) {
    const id = section.u8("a subsection id");
    const subsection = section.part(section.leb("the size of a subsection"), "a subsection of names");
    if (id !== functionSubsection) continue;
    for (let left = subsection.leb("the number of names"); left > 0; left--) {
      const index = subsection.leb("a function index");
      names.set(index, subsection.lenientName("a function name"));
    }
  }
  return names;
}
