import type { FeatureName } from "../../vm/module-types.js";
import type { Profile } from "./profiles.js";

/** `unknown`: older than what could be run, and Chrome had the feature by then; that Envoy's V8 may be older than its date. */
export type FeatureSupport = "has" | "lacks" | "unknown";

/** The month in which Chrome had a feature without a flag, as `year * 12 + month`; undefined: not yet. */
const month = (year: number, number: number): number => year * 12 + number;
const inChrome: Readonly<Record<FeatureName, number | undefined>> = {
  "mutable-globals": month(2019, 4),
  "sign-ext": month(2019, 4),
  atomics: month(2019, 4),
  "nontrapping-fptoint": month(2019, 6),
  "bulk-memory": month(2019, 6),
  multivalue: month(2020, 8),
  simd128: month(2021, 5),
  "exception-handling": month(2021, 10),
  "reference-types": month(2021, 11),
  "tail-call": month(2023, 4),
  "extended-const": month(2023, 5),
  "relaxed-simd": month(2023, 5),
  gc: month(2023, 10),
  multimemory: month(2023, 12),
  memory64: month(2025, 2),
  table64: month(2025, 2),
  exnref: month(2025, 5),
  "custom-page-sizes": undefined,
  "wide-arithmetic": undefined,
};

/** The oldest release whose V8 was tried: test/recordings/loading.json. It and all later ones have every feature that is in Chrome. */
const oldestTried = 36;
/** Features that were a year old when the oldest profile came out: taken for granted. */
const old = month(2020, 10);

/** Whether the V8 of a release runs a feature. A release comes every three months, 1.19 in July 2021. */
export function featureSupport(feature: string, { release }: Profile): FeatureSupport {
  if (!Object.hasOwn(inChrome, feature)) return "unknown";
  const shipped = inChrome[feature as FeatureName];
  if (shipped === undefined) return "lacks";
  const minor = Number(release.split(".")[1]);
  if (minor >= oldestTried || shipped <= old) return "has";
  return shipped > month(2021, 7) + 3 * (minor - 19) ? "lacks" : "unknown";
}
