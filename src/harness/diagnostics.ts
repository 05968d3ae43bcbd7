import type { Diagnostic, DiagnosticCode } from "../host/diagnostics.js";
import { diagnostic } from "../host/diagnostics.js";
import type { HeaderMap } from "../proxy/header-map.js";

/** Whoever has something to tell. */
export interface DiagnosticSource {
  onDiagnostic: (code: DiagnosticCode, message: string) => void;
}

/** The list that these sources fill from now on. */
export function diagnosticsOf(...sources: readonly DiagnosticSource[]): Diagnostic[] {
  const list: Diagnostic[] = [];
  for (const source of sources) {
    source.onDiagnostic = (code, message) => void list.push(diagnostic(code, message));
  }
  return list;
}

/** A message that has left the plugin. */
export interface LeftMessage {
  readonly headers: HeaderMap | undefined;
  readonly body: Uint8Array;
  readonly complete: boolean;
}

/**
 * What is wrong with the messages that left, and that Envoy sends all the same.
 *
 * @param asked Method of the request as it came: an answer to HEAD declares a length and has no body.
 */
export function tellOfMessages(
  upstream: LeftMessage,
  client: LeftMessage,
  asked: string | undefined,
  tell: DiagnosticSource["onDiagnostic"],
): void {
  tellOfLength("request", upstream, tell);
  const isHead = asked === "HEAD" || upstream.headers?.first(":method") === "HEAD";
  const status = client.headers?.first(":status");
  if (!isHead && status !== "304") tellOfLength("response", client, tell);
  for (const [name, value] of client.headers ?? []) {
    if (!/[\r\n]/.test(value)) continue;
    tell(
      "RESPONSE_HEADER_SPLIT",
      `Response header "${name}" leaves with a line break in its value ${JSON.stringify(value)}`,
    );
  }
}

function tellOfLength(which: string, message: LeftMessage, tell: DiagnosticSource["onDiagnostic"]): void {
  const declared = message.headers?.first("content-length");
  if (declared === undefined || !message.complete || !/^\d+$/.test(declared)) return;
  const size = message.body.length;
  if (Number(declared) === size) return;
  tell("CONTENT_LENGTH_MISMATCH", `The ${which} leaves with content-length ${declared} and a body of ${size} bytes`);
}
