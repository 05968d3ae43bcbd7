import { dirname, resolve } from "node:path";
import { byteString, bytesOf } from "../abi/bytes.js";
import { HarnessError, messageOf } from "../errors.js";
import { ManualCallouts } from "../harness/calls.js";
import { newHome } from "../harness/home.js";
import { nameOfSource, loadSource, readNamedFile } from "../harness/source.js";
import type { PluginContext } from "../host/contexts.js";
import { createVm, failureError, startPlugin } from "../host/life-cycle.js";
import { Clock } from "../host/services/clock.js";
import type { CaseResult, Failure, TestCase, TestedPlugin } from "../scenario/types.js";
import type { TestFile } from "../scenario/run-tests.js";
import type { LoadedModule } from "../vm/loaded-module.js";
import { FoldedFields } from "./folded-fields.js";
import { headersOfText } from "./http-text.js";
import type { ReadyMatcher } from "./match.js";
import { holds, readyMatcher, wordsOf } from "./match.js";
import { suiteError } from "./node.js";
import { suiteOf } from "./schema.js";
import type { Environment, Phase, StringMatcher, SuiteTest } from "./suite.js";
import type { PhaseResult } from "./suite-stream.js";
import { dotted, SuiteStream } from "./suite-stream.js";
import { parseTextproto } from "./textproto.js";
import { parseYamlSuite } from "./yaml-suite.js";
import { latin1ToUtf8 } from "./text.js";

export interface SuiteOptions {
  /** The module. Default: what the suite says. */
  readonly plugin?: string;
  /** Its configuration. Default: the file that the suite names, or none. */
  readonly configuration?: Uint8Array;
}

/**
 * Reads a suite of GoogleCloudPlatform/service-extensions, in textproto or YAML. What cannot be represented is refused.
 *
 * @throws {HarnessError} FILE_UNREADABLE, SCENARIO_INVALID; what is wrong with the module.
 */
export async function readSuite(file: string, options: SuiteOptions = {}): Promise<TestFile> {
  const bytes = await readNamedFile(file);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new HarnessError("SCENARIO_INVALID", `${file}: Cannot read the suite: it is not UTF-8`);
  }
  const isYaml = /\.ya?ml$/.test(file);
  const { environment, tests } = suiteOf(isYaml ? parseYamlSuite(text, file) : parseTextproto(text, file));
  const beside = (path: string): string => resolve(dirname(file), path);
  const plugin = options.plugin ?? (environment.wasmPath && beside(environment.wasmPath));
  if (plugin === undefined) {
    throw new HarnessError("SCENARIO_INVALID", `${file}: The suite names no module: give one with --plugin FILE.wasm`);
  }
  const configPath = environment.configPath && beside(environment.configPath);
  const configuration =
    options.configuration ?? (configPath === undefined ? new Uint8Array() : await readNamedFile(configPath));
  const files = [file, plugin, ...(configPath === undefined || options.configuration ? [] : [configPath])];
  const tested: TestedPlugin = { module: plugin, rootId: "", configuration, expectsFailure: false };
  const setting: Setting = {
    module: await loadSource(plugin),
    tested,
    name: nameOfSource(plugin),
    configuration,
    environment,
  };
  const read = async (path: string): Promise<string> => {
    const found = beside(path);
    if (!files.includes(found)) files.push(found);
    return byteString(await readNamedFile(found));
  };
  const ready: TestCase[] = [];
  for (const test of tests) ready.push(await caseOf(test, setting, files, read));
  return { file, tests: ready, close: () => [] };
}

interface Setting {
  readonly module: LoadedModule;
  readonly tested: TestedPlugin;
  readonly name: string;
  readonly configuration: Uint8Array;
  readonly environment: Environment;
}

/** A phase whose files are read and whose patterns are compiled. */
interface ReadyPhase extends Phase {
  readonly headers: readonly (readonly [string, string])[];
  /** Parts of a body, with the end of the stream each. */
  readonly parts: readonly { readonly bytes: Uint8Array; readonly endOfStream: boolean }[];
  readonly want: { readonly headers: readonly ReadyMatcher[]; readonly body: readonly ReadyMatcher[] };
  readonly log: readonly ReadyMatcher[];
}

async function caseOf(
  test: SuiteTest,
  setting: Setting,
  files: readonly string[],
  read: (path: string) => Promise<string>,
): Promise<TestCase> {
  const matchers = (given: readonly StringMatcher[]): Promise<ReadyMatcher[]> =>
    Promise.all(given.map((one) => readyMatcher(one, read)));
  const phases: ReadyPhase[] = [];
  for (const phase of test.phases) {
    const { input, result, name } = phase;
    const content = input.content ?? (input.file === undefined ? undefined : await read(input.file));
    const isBody = name.endsWith("body");
    phases.push({
      ...phase,
      headers: isBody ? [] : headersOf(phase, content),
      parts: isBody ? partsOf(bytesOf(content ?? ""), test) : [],
      want: { headers: await matchers(result.headers), body: await matchers(result.body) },
      log: await matchers(result.log),
    });
  }
  const life = {
    pluginInit: await matchers(test.pluginInit),
    streamInit: await matchers(test.streamInit),
    streamDestroy: await matchers(test.streamDestroy),
  };
  const { name, where } = test;
  return {
    name,
    where,
    tags: [],
    files,
    plugins: [setting.tested],
    run: () => new SuiteRun(setting, test).run(phases, life),
  };
}

function headersOf({ input, name }: Phase, content: string | undefined): readonly (readonly [string, string])[] {
  if (content === undefined) return input.headers;
  const headers = headersOfText(content, name === "request_headers" ? "request" : "response");
  if (headers === undefined)
    throw suiteError(input.where, `${name}: this is no HTTP/1 text: ${JSON.stringify(content.slice(0, 40))}`);
  return headers;
}

/** With a plan the last piece ends the stream; without, every invocation does. */
function partsOf(body: Uint8Array, { chunking }: SuiteTest): ReadyPhase["parts"] {
  if (chunking === undefined) return [{ bytes: body, endOfStream: true }];
  const size = "size" in chunking ? chunking.size : Math.floor(body.length / chunking.count);
  const count = "size" in chunking ? Math.max(1, Math.ceil(body.length / size)) : chunking.count;
  return Array.from({ length: count }, (_, i) => ({
    bytes: body.subarray(i * size, i === count - 1 ? body.length : (i + 1) * size),
    endOfStream: i === count - 1,
  }));
}

/** Both clocks stand still. */
class FrozenClock extends Clock {
  readonly #ns: bigint;
  constructor(ns: bigint) {
    super({ startNs: ns });
    this.#ns = ns;
  }
  override get wallNs(): bigint {
    return this.#ns;
  }
  override readWallNs(): bigint {
    return this.#ns;
  }
  override readMonotonicNs(): bigint {
    return this.#ns;
  }
}

interface LifeCycle {
  readonly pluginInit: readonly ReadyMatcher[];
  readonly streamInit: readonly ReadyMatcher[];
  readonly streamDestroy: readonly ReadyMatcher[];
}

/** One test, in a VM of its own. */
class SuiteRun {
  private readonly _setting: Setting;
  private readonly _test: SuiteTest;
  private readonly _failures: Failure[] = [];
  private _root: PluginContext | undefined = undefined;
  private _seen = 0;

  constructor(setting: Setting, test: SuiteTest) {
    this._setting = setting;
    this._test = test;
  }

  async run(phases: readonly ReadyPhase[], life: LifeCycle): Promise<CaseResult> {
    const start = performance.now();
    try {
      await this._phases(phases, life);
    } catch (thrown) {
      this._failures.push({
        message: messageOf(thrown),
        where: this._test.where,
        ...(thrown instanceof HarnessError && { code: thrown.code, details: thrown.details }),
      });
    }
    const outcome = this._failures.length === 0 ? "passed" : "failed";
    const logs = outcome === "passed" ? [] : (this._root?.vm.process.log.records ?? []).map(({ line }) => line);
    return { outcome, failures: this._failures, durationMs: performance.now() - start, logs };
  }

  private async _phases(phases: readonly ReadyPhase[], life: LifeCycle): Promise<void> {
    const { module, name, configuration, environment } = this._setting;
    const { timeSecs, logLevel } = environment;
    const clock = new FrozenClock(timeSecs === undefined ? 1_000_000n : timeSecs * 1_000_000_000n);
    const home = newHome({ logLevel }, (own) => new ManualCallouts(own), clock);
    const settings = { vmId: "", configuration: new Uint8Array() };
    const vm = await createVm(home.process, module, settings, home.guard, {
      unknownImports: "refuse",
      hostFunctions: {},
    });
    if (vm.failed) throw failureError(vm);
    const root = (this._root = startPlugin(vm, { name, rootId: "", configuration }));
    if (vm.failed) throw failureError(vm);
    this._logs("plugin_init", life.pluginInit);
    const properties = new Map(this._test.properties.map(({ path, value }) => [dotted(path), value]));
    const stream = new SuiteStream(root, properties);
    if (vm.failed) throw failureError(vm);
    this._logs("stream_init", life.streamInit);
    for (const phase of phases) {
      const result = this._play(stream, phase);
      if (vm.failed) throw failureError(vm);
      this._check(phase, result);
    }
    stream.end();
    if (vm.failed) throw failureError(vm);
    this._logs("stream_destroy", life.streamDestroy);
    const [call] = home.callouts.calls;
    const unsaid =
      call === undefined
        ? stream.unsaid && `${stream.unsaid}, and a suite says nothing of that`
        : `called ${call.upstream}, and a suite has no answers for calls`;
    if (unsaid !== undefined) throw new HarnessError("SCENARIO_INVALID", `The plugin ${unsaid}: use a *.pwh.yaml`);
  }

  private _play(stream: SuiteStream, { name, headers, parts }: ReadyPhase): PhaseResult {
    if (name === "request_headers" || name === "response_headers")
      return stream.headers(name, new FoldedFields(headers));
    let last: PhaseResult | undefined;
    let body = "";
    for (const { bytes, endOfStream } of parts) {
      last = stream.body(name, bytes, endOfStream);
      body += last.body;
    }
    return { ...last!, body };
  }

  private _check({ name, result, want, log }: ReadyPhase, seen: PhaseResult): void {
    const isBody = name.endsWith("body");
    const lines = seen.headers.lines();
    const text = lines.join("\n");
    for (const { name: wanted, value, where } of result.hasHeader) {
      if (seen.headers.first(wanted) === value) continue;
      this._fail(where, `${name}: header ${wanted} is not ${shown(value)}`, `${wanted.toLowerCase()}: ${value}`, text);
    }
    for (const { name: unwanted, where } of result.noHeader) {
      const value = seen.headers.first(unwanted);
      if (value !== undefined) this._fail(where, `${name}: header ${unwanted} is there: ${shown(value)}`);
    }
    for (const one of want.headers) {
      if (!holds(one, lines))
        this._fail(one.matcher.where, `${name}: no header is ${wordsOf(one.matcher)}`, one.matcher.text, text);
    }
    for (const one of want.body) {
      if (!holds(one, [seen.body]))
        this._fail(one.matcher.where, `${name}: the body is not ${wordsOf(one.matcher)}`, one.matcher.text, seen.body);
    }
    this._immediate(name, result, isBody ? { ...seen, continued: true, reply: undefined } : seen);
    this._logs(name, log);
  }

  private _immediate(name: string, { immediate, where }: Phase["result"], { continued, reply }: PhaseResult): void {
    if (immediate === undefined) {
      if (reply !== undefined)
        this._fail(where, `${name}: the plugin answered ${reply.status}, and immediate is not expected`);
      else if (!continued) this._fail(where, `${name}: the plugin paused`);
      return;
    }
    if (name.endsWith("body")) {
      return this._fail(
        immediate.where,
        `${name}: immediate cannot be: Google's runner looks for replies in headers only`,
      );
    }
    if (reply === undefined) return this._fail(immediate.where, `${name}: the plugin gave no reply`);
    const compare = (field: string, wanted: number | string | undefined, got: number | string): void => {
      if (wanted !== undefined && wanted !== got)
        this._fail(immediate.where, `${name}: ${field} is ${shown(got)}, not ${shown(wanted)}`);
    };
    compare("http_status", immediate.httpStatus, reply.status);
    compare("grpc_status", immediate.grpcStatus, reply.grpcStatus);
    compare("details", immediate.details, reply.details);
  }

  /** Of the lines since the phase before. */
  private _logs(phase: string, wanted: readonly ReadyMatcher[]): void {
    const { log } = this._root!.vm.process;
    const lines = log.since(this._seen).filter(({ source }) => source === "guest");
    this._seen = log.next;
    const texts = lines.map(({ bytes }) => byteString(bytes));
    for (const one of wanted) {
      if (!holds(one, texts))
        this._fail(
          one.matcher.where,
          `${phase}: no log line is ${wordsOf(one.matcher)}`,
          one.matcher.text,
          texts.join("\n"),
        );
    }
  }

  private _fail(where: Failure["where"] & object, message: string, expected?: string, actual?: string): void {
    this._failures.push({
      message,
      where,
      ...(expected !== undefined && { expected: latin1ToUtf8(expected) }),
      ...(actual !== undefined && { actual: latin1ToUtf8(actual) }),
    });
  }
}

const shown = (value: string | number): string =>
  typeof value === "number" ? String(value) : JSON.stringify(latin1ToUtf8(value));
