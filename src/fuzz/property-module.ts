import { HarnessError, messageOf } from "../errors.js";
import type { FuzzProperty } from "./properties.js";

/** A module that exports `properties`: a list of them, or a function that makes one of what it is given. */
export interface PropertyModule {
  /** As `import()` takes it: `file:///…` or the name of a package. */
  readonly url: string;
  /** For the function. */
  readonly given?: readonly string[];
}

/** @throws {HarnessError} OPTION_INVALID for a module without such an export; what its function throws. */
export async function propertiesOf(modules: readonly PropertyModule[] = []): Promise<readonly FuzzProperty[]> {
  const found: FuzzProperty[] = [];
  for (const { url, given = [] } of modules) {
    const exported = await loaded(url);
    const list: unknown = typeof exported === "function" ? await (exported as Maker)(given) : exported;
    if (!Array.isArray(list))
      throw new HarnessError("OPTION_INVALID", `Cannot use ${url}: it exports no list or function named properties`);
    found.push(...(list as FuzzProperty[]));
  }
  return found;
}

type Maker = (given: readonly string[]) => unknown;

async function loaded(url: string): Promise<unknown> {
  try {
    return ((await import(url)) as { readonly properties?: unknown }).properties;
  } catch (thrown) {
    throw new HarnessError("OPTION_INVALID", `Cannot load ${url}: ${messageOf(thrown)}`, { cause: thrown });
  }
}
