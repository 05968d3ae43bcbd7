/** By release, by module: lines from the start to the end of Envoy. Empty: it serves. */
export type LoadingRecordings = Record<string, Record<string, readonly string[]>>;
