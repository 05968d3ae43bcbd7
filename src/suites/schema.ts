import { latin1ToUtf8 } from "./text.js";
import { didYouMean } from "../abi/nearest.js";
import type { LogLevelName } from "../abi/enums.js";
import { logLevelNames } from "../abi/enums.js";
import type { Where } from "../scenario/types.js";
import type { FieldNode, MessageNode, Node } from "./node.js";
import { nameOfNode, suiteError } from "./node.js";
import type {
  Chunking,
  Environment,
  Expectation,
  HeaderExpectation,
  Immediate,
  Input,
  Phase,
  PhaseName,
  StringMatcher,
  Suite,
  SuiteTest,
} from "./suite.js";

/** The fields of a message that are known, by name; the others are refused. */
class Fields {
  readonly #message: MessageNode;
  readonly #what: string;

  constructor(node: Node, what: string, known: readonly string[]) {
    if (node.kind !== "message") throw suiteError(node.where, `${what} is a message, not ${nameOfNode(node)}`);
    this.#message = node;
    this.#what = what;
    for (const { name, where } of node.fields) {
      if (known.includes(name)) continue;
      throw suiteError(where, `${what} has no field ${name}${didYouMean(name, known)}: fields are ${known.join(", ")}`);
    }
  }

  get where(): Where {
    return this.#message.where;
  }

  all(name: string): readonly FieldNode[] {
    return this.#message.fields.filter((field) => field.name === name);
  }

  /** @throws {HarnessError} SCENARIO_INVALID when it stands there twice. */
  one(name: string): FieldNode | undefined {
    const [first, second] = this.all(name);
    if (second !== undefined) throw suiteError(second.where, `${this.#what} has ${name} a second time`);
    return first;
  }

  /** The one of them that is there. @throws {HarnessError} SCENARIO_INVALID when several are. */
  oneOf(...names: readonly string[]): FieldNode | undefined {
    const [first, second] = names.map((name) => this.one(name)).filter((field) => field !== undefined);
    if (second !== undefined) {
      throw suiteError(
        second.where,
        `${this.#what} has ${first!.name} already: only one of ${names.join(", ")} can be`,
      );
    }
    return first;
  }

  string(name: string): string | undefined {
    const field = this.one(name);
    return field && stringOf(field);
  }

  refuse(name: string, why: string): void {
    const field = this.one(name);
    if (field !== undefined) throw suiteError(field.where, `${this.#what}'s ${name} cannot be represented: ${why}`);
  }
}

/** @throws {HarnessError} SCENARIO_INVALID for what the schema does not have, and for what this runner cannot do. */
export function suiteOf(node: MessageNode): Suite {
  const fields = new Fields(node, "A suite", ["env", "test"]);
  const tests = fields.all("test").map(({ value }) => testOf(value));
  if (tests.length === 0) throw suiteError(node.where, "There is no test in this suite");
  return { environment: environmentOf(fields.one("env")?.value), tests };
}

function environmentOf(node: Node | undefined): Environment {
  if (node === undefined) return { wasmPath: undefined, configPath: undefined, logLevel: "info", timeSecs: undefined };
  const fields = new Fields(node, "env", [
    "test_path",
    "wasm_path",
    "config_path",
    "log_level",
    "log_path",
    "time_secs",
    "num_additional_streams",
    "additional_stream_advance_rate",
  ]);
  fields.refuse("test_path", "it belongs to Google's runner; paths are relative to this file");
  fields.refuse("log_path", "use pwh test --reporter json=FILE, which has the log of what failed");
  const streams = fields.one("num_additional_streams");
  if (streams !== undefined && integerOf(streams) !== 0n) {
    fields.refuse("num_additional_streams", "tests run one stream at a time");
  }
  fields.one("additional_stream_advance_rate"); // nothing without additional streams
  const time = fields.one("time_secs");
  return {
    wasmPath: pathOf(fields, "wasm_path"),
    configPath: pathOf(fields, "config_path"),
    logLevel: levelOf(fields.one("log_level")),
    timeSecs: time && integerOf(time),
  };
}

const pathOf = (fields: Fields, name: string): string | undefined => fields.string(name) || undefined;

/** The enum `LogLevel`, in the order of its numbers. */
const levels = ["UNDEFINED", ...logLevelNames.map((name) => name.toUpperCase())];

function levelOf(field: FieldNode | undefined): LogLevelName {
  if (field === undefined) return "info";
  const { value } = field;
  if (value.kind === "message") throw suiteError(value.where, "log_level is a name, not a message");
  const name = value.kind === "number" ? levels[Number(value.text)] : value.text;
  if (name === undefined || !levels.includes(name)) {
    throw suiteError(
      value.where,
      `log_level ${value.text} is unknown${didYouMean(value.text, levels)}: levels are ${levels.join(", ")}`,
    );
  }
  return name === "UNDEFINED" ? "info" : (name.toLowerCase() as LogLevelName);
}

const phaseNames: readonly PhaseName[] = ["request_headers", "request_body", "response_headers", "response_body"];

function testOf(node: Node): SuiteTest {
  const fields = new Fields(node, "A test", [
    "name",
    "benchmark",
    "num_chunks",
    "chunk_size",
    "properties",
    ...phaseNames,
    "plugin_init",
    "stream_init",
    "stream_destroy",
  ]);
  const benchmark = fields.one("benchmark");
  if (benchmark !== undefined) booleanOf(benchmark); // it is a test all the same
  const chunking = chunkingOf(fields.oneOf("num_chunks", "chunk_size"));
  const phases = phaseNames.flatMap((name) => {
    const isBody = name.endsWith("body");
    if (!isBody) fields.one(name);
    const given = fields.all(name).map((field) => phaseOf(name, field));
    if (isBody && chunking !== undefined && given.length > 1) {
      throw suiteError(given[1]!.where, `${name} is cut into chunks: one invocation is wanted, not ${given.length}`);
    }
    return given;
  });
  return {
    name: latin1ToUtf8(fields.string("name") ?? ""),
    where: fields.where,
    chunking,
    properties: fields.all("properties").map(({ value }) => {
      const property = new Fields(value, "properties", ["path", "value"]);
      return { path: property.string("path") ?? "", value: property.string("value") ?? "" };
    }),
    phases,
    pluginInit: logsOf(fields.one("plugin_init")),
    streamInit: logsOf(fields.one("stream_init")),
    streamDestroy: logsOf(fields.one("stream_destroy")),
  };
}

function chunkingOf(field: FieldNode | undefined): Chunking | undefined {
  if (field === undefined) return undefined;
  const value = Number(integerOf(field));
  if (value < 1) throw suiteError(field.value.where, `${field.name} is at least 1, not ${value}`);
  return field.name === "num_chunks" ? { count: value, where: field.where } : { size: value, where: field.where };
}

function phaseOf(name: PhaseName, { where, value }: FieldNode): Phase {
  const fields = new Fields(value, name, ["input", "result"]);
  return {
    name,
    where,
    input: inputOf(fields.one("input"), where, name),
    result: expectationOf(fields.one("result")?.value, where),
  };
}

function inputOf(field: FieldNode | undefined, where: Where, phase: PhaseName): Input {
  if (field === undefined) return { where, headers: [], content: undefined, file: undefined };
  const fields = new Fields(field.value, "input", ["header", "content", "file"]);
  const isBody = phase.endsWith("body");
  const [header] = fields.all("header");
  if (header !== undefined && isBody) throw suiteError(header.where, "A body has no header: content or file is wanted");
  const source = fields.oneOf("content", "file");
  if (header !== undefined && source !== undefined) {
    throw suiteError(source.where, `input has header already: only one of header, content, file can be`);
  }
  const text = source && stringOf(source);
  return {
    where: field.where,
    headers: fields.all("header").map(({ value }) => {
      const { name, value: text_ } = headerOf(value);
      return [name, text_] as const;
    }),
    content: source?.name === "content" ? text : undefined,
    file: source?.name === "file" && text !== undefined ? latin1ToUtf8(text) : undefined,
  };
}

function headerOf(node: Node): HeaderExpectation {
  const fields = new Fields(node, "A header", ["key", "value"]);
  return { where: node.where, name: fields.string("key") ?? "", value: fields.string("value") ?? "" };
}

const expectationFields = ["has_header", "no_header", "headers", "body", "immediate", "log"];

function expectationOf(node: Node | undefined, at: Where): Expectation {
  const fields = new Fields(node ?? { kind: "message", where: at, fields: [] }, "result", expectationFields);
  const immediate = fields.one("immediate");
  return {
    where: node?.where ?? at,
    hasHeader: fields.all("has_header").map(({ value }) => headerOf(value)),
    noHeader: fields.all("no_header").map(({ value }) => headerOf(value)),
    headers: matchersOf(fields, "headers"),
    body: matchersOf(fields, "body"),
    immediate: immediate && immediateOf(immediate),
    log: matchersOf(fields, "log"),
  };
}

/** Of a life-cycle expectation only the log is looked at: others would be promises that nobody keeps. */
function logsOf(field: FieldNode | undefined): readonly StringMatcher[] {
  if (field === undefined) return [];
  const fields = new Fields(field.value, field.name, expectationFields);
  for (const name of expectationFields) {
    const [other] = name === "log" ? [] : fields.all(name);
    if (other !== undefined)
      throw suiteError(other.where, `${field.name} can expect log only: nobody looks at ${name} there`);
  }
  return matchersOf(fields, "log");
}

function immediateOf({ value, where }: FieldNode): Immediate {
  const fields = new Fields(value, "immediate", ["http_status", "grpc_status", "details"]);
  const number = (name: string): number | undefined => {
    const field = fields.one(name);
    return field && Number(integerOf(field));
  };
  const details = fields.string("details");
  return { where, httpStatus: number("http_status"), grpcStatus: number("grpc_status"), details };
}

const matchersOf = (fields: Fields, name: string): StringMatcher[] =>
  fields.all(name).map(({ value }) => matcherOf(value));

function matcherOf(node: Node): StringMatcher {
  const fields = new Fields(node, "A matcher", ["invert", "exact", "regex", "file"]);
  const invert = fields.one("invert");
  const given = fields.oneOf("exact", "regex", "file");
  if (given === undefined) throw suiteError(node.where, "A matcher wants one of exact, regex, file");
  const text = stringOf(given);
  const kind = given.name as StringMatcher["kind"];
  return {
    where: given.where,
    invert: invert !== undefined && booleanOf(invert),
    kind,
    text: kind === "exact" ? text : latin1ToUtf8(text),
  };
}

function stringOf({ name, value }: FieldNode): string {
  if (value.kind === "string") return value.text;
  // YAML writes 200 and true without quotes, and means text
  if (value.kind !== "message" && /\.ya?ml$/.test(value.where.file)) return value.text;
  throw suiteError(value.where, `${name} is a string, not ${nameOfNode(value)}`);
}

function booleanOf({ name, value }: FieldNode): boolean {
  const text = value.kind === "message" ? "" : value.text.toLowerCase();
  if (["true", "t", "1"].includes(text)) return true;
  if (["false", "f", "0"].includes(text)) return false;
  throw suiteError(value.where, `${name} is true or false, not ${nameOfNode(value)}`);
}

function integerOf({ name, value }: FieldNode): bigint {
  const isYaml = /\.ya?ml$/.test(value.where.file);
  if (value.kind === "number" || (isYaml && value.kind === "string")) {
    const [, minus, digits] = /^(-?)(0[xX][0-9a-fA-F]+|\d+)$/.exec(value.text) ?? [];
    if (digits !== undefined) {
      const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
      return minus === "-" ? -BigInt(octal) : BigInt(octal);
    }
  }
  throw suiteError(value.where, `${name} is a whole number, not ${nameOfNode(value)}`);
}
