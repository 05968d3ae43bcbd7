export {
  authority,
  body,
  chunking,
  configurationNear,
  exchange,
  headerLines,
  headerName,
  headerValue,
  httpRequest,
  httpResponse,
  path,
  token,
} from "./arbitraries.js";
export type { FuzzCase, FuzzExchange, FuzzReply, FuzzRequest, HeaderLine } from "./case.js";
export type { Hints } from "./generate/vocabulary.js";
export { findingJson, findingText } from "./finding-text.js";
export { fuzz } from "./fuzz.js";
export { illegalSteps, legalSteps } from "./raw/callback-hunt.js";
export type { IllegalStep, LegalStep } from "./raw/steps.js";
export type { Finding, FuzzOptions, FuzzProgress, FuzzReport } from "./fuzz.js";
export { minimizeCorpus } from "./corpus/minimize.js";
export type { Minimized } from "./corpus/minimize.js";
export type { ForeignFile } from "./corpus/corpus.js";
export type { GuidedProgress } from "./guided/guided-hunt.js";
export { Coverage } from "../vm/coverage.js";
export type { CoverageCounts } from "../vm/coverage.js";
export type { LeftMessage, Outcome, Played } from "./player.js";
export { properties } from "./properties.js";
export type { FuzzProperty, Violation } from "./properties.js";
