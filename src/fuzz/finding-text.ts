import type { FuzzExchange } from "./case.js";
import { byteString } from "../abi/bytes.js";
import { nameOf, Status } from "../abi/enums.js";
import { caseToJson } from "./corpus/case-json.js";
import { allocator } from "./faults.js";
import type { Finding } from "./fuzz.js";

/**
 * The line that plays a finding again.
 *
 * @param module The module's path, with the options that it was found with.
 */
export const replayLine = (module: string, { seed, path }: Finding): string =>
  `pwh fuzz ${module} --replay ${seed}:${path}`;

/**
 * A finding for a person: what broke, the smallest input as text, for curl and as a scenario, how to see it again.
 *
 * @param scenario The text of `findingCaseText`; without it none is shown.
 */
export function findingText(module: string, finding: Finding, scenario?: string): string {
  const lines = [`${finding.property}: ${finding.message}`];
  for (const [i, one] of (finding.case?.exchanges ?? []).entries()) {
    const { exchanges, repeat } = finding.case!;
    const which = exchanges.length > 1 ? ` ${i + 1} of ${exchanges.length}` : "";
    lines.push(`  request${which}${repeat > 1 ? `, ${repeat} times over` : ""}:`, ...indented(requestText(one)));
    lines.push("  answered by the upstream:", ...indented(replyText(one)), `  ${curlLine(one)}`);
  }
  if (finding.case !== undefined && finding.lastCalls.some((line) => /http_call|grpc/.test(line))) {
    lines.push(`  calls of the plugin are answered ${JSON.stringify(finding.case.callReply)}`);
  }
  for (const { hostcall, nth, status } of finding.case?.faults ?? []) {
    lines.push(
      `  call ${nth} of ${hostcall} ${hostcall === allocator ? "fails" : `answers ${nameOf(Status, status)}`}`,
    );
  }
  if (finding.configuration !== undefined) lines.push(`  configuration: ${JSON.stringify(finding.configuration)}`);
  for (const line of finding.details ?? []) lines.push(`  ${line}`);
  if (finding.details === undefined && finding.lastCalls.length > 0) {
    lines.push("  last calls:", ...finding.lastCalls.map((line) => `    ${line}`));
  }
  if (scenario !== undefined) {
    const all = scenario.trimEnd().split("\n");
    const some = all
      .slice(0, mostLines)
      .map((line) => (line.length > longestLine ? `${line.slice(0, longestLine)}…` : line));
    if (all.length > mostLines) some.push(`… (${all.length - mostLines} lines more)`);
    lines.push("  as a scenario, which --save writes whole:", ...indented(some));
  }
  lines.push(`  found in run ${finding.run}, shrunk ${finding.shrinks} times; again: ${replayLine(module, finding)}`);
  return lines.join("\n");
}

/** One finding as a JSON value that `JSON.stringify` can write; its case is as a file of a corpus has it. */
export const findingJson = (finding: Finding): Record<string, unknown> => ({
  ...finding,
  ...(finding.case && { case: caseToJson(finding.case) }),
});

/** A request as HTTP/1.1 would write it, each piece of the body on a line of its own. */
export function requestText({ request }: FuzzExchange): string[] {
  const { method, path, authority, protocol, headers, body = [], trailers = [] } = request;
  return [
    `${method} ${path} ${protocol}`,
    `host: ${authority}`,
    ...headers.map(([name, value]) => `${name}: ${shown(value)}`),
    ...pieces(body),
    ...trailers.map(([name, value]) => `trailer ${name}: ${shown(value)}`),
    ...(request.abortAfterMs === undefined ? [] : [`(the client leaves after ${request.abortAfterMs} ms)`]),
  ];
}

function replyText({ reply }: FuzzExchange): string[] {
  if (reply.fault !== undefined && reply.fault !== "reset after headers") return [`(${reply.fault})`];
  const late = reply.delayMs === undefined ? "" : ` after ${reply.delayMs} ms`;
  return [
    `${reply.status}${late}`,
    ...reply.headers.map(([name, value]) => `${name}: ${shown(value)}`),
    ...pieces(reply.body ?? []),
    ...(reply.fault ? [`(${reply.fault})`] : []),
  ];
}

const pieces = (body: readonly Uint8Array[]): string[] =>
  body.map(
    (piece, i) =>
      `body${body.length > 1 ? ` piece ${i + 1}` : ""}, ${piece.length} bytes: ${JSON.stringify(shown(byteString(piece)))}`,
  );
const indented = (lines: readonly string[]): string[] => lines.map((line) => `    ${line}`);
/** Of a scenario. */
const mostLines = 60;
const longestLine = 200;
const mostShown = 120;
const shown = (text: string): string => {
  const plain = text.replace(/[^\x20-\x7e]/g, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return plain.length > mostShown ? `${plain.slice(0, mostShown)}… (${text.length} bytes)` : plain;
};

/** The request for curl against an Envoy on port 10000, in a shell; bytes that no argument holds come from printf. */
export function curlLine({ request }: FuzzExchange): string {
  const { method, path, authority, protocol, headers, body } = request;
  const argument = (text: string): string =>
    /^[\x20-\x7e]*$/.test(text) ? `'${text.replaceAll("'", `'\\''`)}'` : `"$(printf '${octal(text)}')"`;
  const parts = [
    "curl",
    "-i",
    "--path-as-is",
    "-X",
    method!,
    protocol === "HTTP/2" ? "--http2-prior-knowledge" : "--http1.1",
    "-H",
    argument(`host: ${authority}`),
  ];
  // curl drops a header written `name:`; `name;` sends it empty
  for (const [name, value] of headers) parts.push("-H", argument(value === "" ? `${name};` : `${name}: ${value}`));
  if (body !== undefined) parts.push("--data-binary", "@-");
  parts.push(argument(`http://localhost:10000${path}`));
  const line = parts.join(" ");
  return body === undefined ? line : `printf '${octal(byteString(Buffer.concat(body)))}' | ${line}`;
}

/** For printf of any POSIX shell. */
const octal = (text: string): string =>
  [...text]
    .map((one) =>
      /[A-Za-z0-9 .,:;_/{}[\]"=+-]/.test(one) ? one : `\\${one.charCodeAt(0).toString(8).padStart(3, "0")}`,
    )
    .join("");
