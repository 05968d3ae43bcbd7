import { createHash } from "node:crypto";
import { stringify } from "yaml";
import type { FuzzCase } from "../fuzz/case.js";
import type { Finding } from "../fuzz/fuzz.js";
import { propertyNames } from "../fuzz/property-names.js";
import type { Draft } from "./record.js";
import { pluginValue, replyValue, requestValue, schemaLine } from "./record.js";

/** With what a finding was found: it is played again under the same. */
export interface FoundWith {
  readonly plugin: Draft["plugin"];
  /** Milliseconds that the plugin had for one case. Default 500. */
  readonly budgetMs?: number;
  readonly declared?: readonly string[];
  readonly profiles?: readonly string[];
}

/**
 * A finding of `fuzz()` as a scenario file: `pwh test` plays its smallest case again, on any machine, and fails as long as the
 * property is broken.
 *
 * @param file Where it will stand: paths in it are seen from there.
 * @returns Undefined for a property of somebody's own code, which a file cannot hold.
 */
export function findingScenario(finding: Finding, found: FoundWith, file: string): string | undefined {
  const one = findingCase(finding, found);
  if (one === undefined) return undefined;
  const configuration = finding.configuration ?? found.plugin.configuration;
  const plugin = { ...found.plugin, ...(configuration !== undefined && { configuration }) };
  const text = yaml({ defaults: { plugin: pluginValue(plugin, file) }, tests: [one] });
  return `${schemaLine(file)}\n${text}`;
}

/** The same without the plugin, for a report: the case in a list of `tests`. */
export function findingCaseText(finding: Finding, found: FoundWith): string | undefined {
  const one = findingCase(finding, found);
  return one && yaml([one]);
}

/** `no-trap-1f0c2d3e.pwh.yaml`: the same name for the same cause. */
export function findingFileName({ property, cause }: Finding): string {
  const hash = createHash("sha256").update(`${property}\n${cause}`).digest("hex").slice(0, 8);
  return `${property.replace(/[^\w-]+/g, "-")}-${hash}.pwh.yaml`;
}

const yaml = (value: unknown): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });

function findingCase(finding: Finding, { budgetMs = 500, declared, profiles }: FoundWith): object | undefined {
  const { property, case: given, message, seed } = finding;
  if (!(propertyNames as readonly string[]).includes(property)) return undefined;
  return {
    name: `${property}: ${printable(message)}`,
    seed,
    budget: budgetMs,
    play: {
      ...(given && caseValue(given)),
      ...(property === "declared-headers-only" && declared && { declared }),
      ...(property === "profiles-agree" && profiles && { profiles }),
    },
    holds: property,
  };
}

const longest = 120;

/** On one line, for a name. */
function printable(message: string): string {
  const line = message.replace(/[^\x20-\x7e]+/g, " ").trim();
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}

const plainRequest = { method: "GET", path: "/", authority: "example.com", protocol: "HTTP/1.1" };
const plainPost = { ...plainRequest, method: "POST" };
const plainReply = { status: 200 };

/** Without what a reader puts in by itself. */
function brief<T extends { readonly headers?: unknown }>(given: T, plain: Readonly<Record<string, unknown>>): T {
  const told = Object.entries(given).filter(([key, value]) =>
    key === "headers" ? (value as readonly unknown[]).length > 0 : value !== plain[key],
  );
  return Object.fromEntries(told) as T;
}

function caseValue({ exchanges, together, repeat, callReply, faults }: FuzzCase): object {
  return {
    exchanges: exchanges.map(({ request, reply }) => ({
      request: requestValue(brief(request, request.body === undefined ? plainRequest : plainPost)),
      reply: replyValue(brief(reply, plainReply)),
    })),
    ...(together === true && { together }),
    ...(repeat !== 1 && { repeat }),
    ...(Object.keys(callReply).length > 0 && { callReply: replyValue(callReply) }),
    ...(faults && { faults }),
  };
}
