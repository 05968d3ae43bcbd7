import { describe } from "vitest";
import { wasiModules } from "../../src/wasi/index.js";

/** Where the memory of a relay guest ends. */
export const end = 65_536;

/** Says the same of both modules that have WASI: `as` makes the name by which the relay calls a function. */
export function inBothModules(what: string, tests: (as: (name: string) => string) => void): void {
  describe.each(wasiModules)(`${what} of %s`, (module) => {
    tests((name) => (module === wasiModules[0] ? name : `${module}.${name}`));
  });
}

/** The errno values of this host. */
export const Errno = { badf: 8, notdir: 20, fault: 21, inval: 28, noent: 44, nosys: 52, notsup: 58 } as const;
