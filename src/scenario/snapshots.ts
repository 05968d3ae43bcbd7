import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isMap, parseDocument, stringify } from "yaml";
import { HarnessError } from "../errors.js";
import type { HeaderMap } from "../proxy/header-map.js";
import type { Seen } from "./check.js";
import { headerLines } from "./check.js";
import { shown } from "./matchers.js";
import type { Case, Failure, Where } from "./types.js";

/** What differs from run to run, or from Envoy to Envoy, and says nothing about a plugin. */
const volatile: ReadonlySet<string> = new Set([
  "date",
  "x-request-id",
  "x-envoy-upstream-service-time",
  "x-envoy-upstream-stream-duration-ms",
  "traceparent",
  "x-b3-traceid",
  "x-b3-spanid",
]);

/** Everything seen as text, a fact on each line. */
export function snapshotText({ exchange, logs, calls, metrics }: Seen): string {
  const lines: string[] = [];
  const message = (title: string, headers: HeaderMap, body: Uint8Array, trailers: HeaderMap | undefined): void => {
    lines.push(title, ...headerLines(headers).map(redacted));
    if (body.length > 0) lines.push(`  body ${shown(body)}`);
    for (const line of trailers === undefined ? [] : headerLines(trailers)) lines.push(`  trailer ${line}`);
  };
  if (exchange !== undefined) {
    const { upstreamRequest, response } = exchange;
    if (upstreamRequest === undefined) lines.push("no upstream request");
    else
      message(
        `to upstream ${upstreamRequest.upstream}`,
        upstreamRequest.headers,
        upstreamRequest.body,
        upstreamRequest.trailers,
      );
    if (response.status === 0) lines.push("no response");
    else message("response", response.headers, response.body, response.trailers);
    if (response.wasReset) lines.push("  cut off");
  }
  for (const { upstream, headers, body, outcome, status } of calls)
    message(`call to ${upstream}: ${outcome}${status === undefined ? "" : ` ${status}`}`, headers, body, undefined);
  if (logs.length > 0) lines.push("log", ...logs.map(({ levelName, bytes }) => `  ${levelName} ${shown(bytes)}`));
  if (metrics.length > 0) lines.push("metrics");
  for (const { name, type, value, samples } of metrics)
    lines.push(`  ${name}: ${type === 2 ? `[${samples.join(", ")}]` : String(value)}`);
  return `${lines.join("\n")}\n`;
}

function redacted(line: string): string {
  const name = line.slice(0, line.indexOf(":", 1));
  return `  ${volatile.has(name) ? `${name}: <${name}>` : line}`;
}

/** The snapshots beside a scenario file, in `<file>.snap`: YAML, text by name. */
export class Snapshots {
  readonly file: string;
  private readonly _update: boolean;
  private readonly _texts: Map<string, string>;
  private _changed = false;

  /** @throws {HarnessError} SCENARIO_INVALID for a snapshot file that is none. */
  constructor(scenario: string, update: boolean) {
    this.file = `${scenario}.snap`;
    this._update = update;
    this._texts = existsSync(this.file) ? readSnapshots(this.file) : new Map<string, string>();
  }

  /** What is wrong; with `update` nothing ever is, and the text is taken down. */
  check(name: string, text: string, where: Where): Failure | undefined {
    const known = this._texts.get(name);
    if (known === text) return undefined;
    if (this._update) {
      this._texts.set(name, text);
      this._changed = true;
      return undefined;
    }
    if (known === undefined) {
      return {
        where,
        message: `There is no snapshot "${name}" in ${this.file}: pwh test --update writes it`,
        actual: text,
      };
    }
    return {
      where,
      message: `What was seen is not as in snapshot "${name}": pwh test --update takes it as it is now`,
      expected: known,
      actual: text,
    };
  }

  /** With `update` forgets the snapshots that these cases do not name. */
  keepOnly(cases: readonly Case[]): void {
    if (!this._update) return;
    const named = new Set(cases.flatMap(snapshotNames));
    for (const name of this._texts.keys()) {
      if (!named.has(name)) this._changed = this._texts.delete(name);
    }
  }

  /** Writes what changed; a file without snapshots goes. @returns Whether anything did. */
  save(): boolean {
    if (!this._changed) return false;
    if (this._texts.size === 0) rmSync(this.file, { force: true });
    else this._write();
    this._changed = false;
    return true;
  }

  private _write(): void {
    const sorted = Object.fromEntries([...this._texts].sort(([a], [b]) => (a < b ? -1 : 1)));
    const comment = "# What scenarios saw. Written by pwh test --update; review it as you review code.\n";
    writeFileSync(this.file, comment + stringify(sorted, { lineWidth: 0, blockQuote: "literal" }));
  }
}

/** The name in the file of what a case calls `name`. */
export const snapshotName = (one: Case, name: string): string => `${one.name}: ${name}`;

function snapshotNames(one: Case): string[] {
  const all = [one.expect, ...one.steps.map(({ expect }) => expect)];
  return all.flatMap((expect) => (expect?.snapshot === undefined ? [] : [snapshotName(one, expect.snapshot.value)]));
}

function readSnapshots(file: string): Map<string, string> {
  const document = parseDocument(readFileSync(file, "utf8"), { logLevel: "silent" });
  const value: unknown = document.errors.length === 0 && isMap(document.contents) ? document.toJS() : undefined;
  if (value === undefined || Object.values(value as object).some((one) => typeof one !== "string")) {
    throw new HarnessError(
      "SCENARIO_INVALID",
      `${file}:1:1: Cannot read the snapshots: texts by name are wanted; delete the file and run pwh test --update`,
    );
  }
  return new Map(Object.entries(value as Record<string, string>));
}
