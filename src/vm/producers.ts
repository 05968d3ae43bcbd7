import { tolerant } from "./binary.js";
import { customSection } from "./custom-sections.js";
import type { ModuleInfo } from "./module-types.js";

export interface Producer {
  readonly name: string;
  /** Empty where the toolchain states none. */
  readonly version: string;
}

/** By field: `language`, `processed-by`, `sdk`. */
export type Producers = Readonly<Record<string, readonly Producer[]>>;

/**
 * The `producers` section: the tools that made the module. Nothing when there is none or it is damaged.
 *
 * Credentials in URLs are cut out: a clang built from a private clone states the URL that it was cloned from.
 */
export function readProducers(info: ModuleInfo, bytes: Uint8Array): Producers {
  return tolerant(() => readFields(info, bytes), {});
}

function readFields(info: ModuleInfo, bytes: Uint8Array): Producers {
  const fields = new Map<string, Producer[]>();
  const section = customSection(info, bytes, "producers");
  for (let left = section.leb("the number of fields"); left > 0; left--) {
    const field = section.lenientName("a field");
    const producers = fields.get(field) ?? [];
    fields.set(field, producers);
    for (let more = section.leb("the number of producers"); more > 0; more--) {
      const name = redactCredentials(section.lenientName("a producer"));
      producers.push({ name, version: redactCredentials(section.lenientName("a version")) });
    }
  }
  return Object.fromEntries(fields);
}

/** `https://token:x-oauth-basic@host/path` becomes `https://***@host/path`. */
export function redactCredentials(text: string): string {
  return text.replace(/:\/\/[^\s/?#]*@/g, "://***@");
}
