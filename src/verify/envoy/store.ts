import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "../../errors.js";
import { envoyError } from "./errors.js";
import type { LogLine, Recording } from "./recording.js";
import type { LogLevel, Scenario } from "./scenario.js";

/** One line of a recordings file. */
export interface RecordedScenario {
  readonly name: string;
  /** The row of the conformance checklist that it proves. */
  readonly row?: number;
  readonly doc: string;
  /** Its `name` is that of the line. */
  readonly scenario: Scenario;
  /** By release. Those that are `=` in the file have the recording of `baseRelease` here, with their own `envoy`. */
  readonly recorded: Readonly<Record<string, Recording>>;
}

/** The release others are compared with in the file. */
export const baseRelease = "1.40.0";

/** `test/recordings` of this package's checkout. */
export const recordingsFolder = fileURLToPath(new URL("../../../test/recordings/", import.meta.url));

/** The groups of a folder, one file each. */
export function recordingGroups(folder = recordingsFolder): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".jsonl"))
    .map((file) => basename(file, ".jsonl"))
    .sort();
}

/** @throws {HarnessError} `RECORDING_INVALID` with the line. */
export function readRecordings(group: string, folder = recordingsFolder): RecordedScenario[] {
  const file = join(folder, `${group}.jsonl`);
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.flatMap((line, index) => {
    if (line === "") return [];
    try {
      return [parseRecorded(line)];
    } catch (thrown) {
      throw envoyError("RECORDING_INVALID", `Cannot read ${file}:${index + 1}: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
  });
}

interface StoredLine extends Omit<RecordedScenario, "recorded" | "scenario"> {
  readonly scenario: Omit<Scenario, "name">;
  readonly recorded?: Readonly<Record<string, StoredRecording | "=">>;
}

/** In full, or what differs from the base: members that are there replace the base's, null removes one. */
type StoredRecording = Partial<Omit<Recording, "envoy" | "log" | "main" | "shutdown">> & {
  readonly like?: string;
} & Partial<Record<"log" | "main" | "shutdown", readonly StoredLogLine[]>>;

type StoredLogLine = string | LogLine;

export function parseRecorded(line: string): RecordedScenario {
  const { recorded = {}, scenario, ...entry } = JSON.parse(line) as StoredLine;
  const base = recorded[baseRelease];
  const read = Object.entries(recorded).map(([envoy, stored]) => {
    if (stored !== "=" && stored.like === undefined) return [envoy, unpack(envoy, stored)] as const;
    if (base === undefined || base === "=") throw new Error(`"${envoy}" is like ${baseRelease}, which is not there`);
    return [envoy, unpack(envoy, stored === "=" ? base : patched(base, stored))] as const;
  });
  return { ...entry, scenario: { name: entry.name, ...scenario }, recorded: Object.fromEntries(read) };
}

/** @param equals Whether two recordings of this scenario are the same, apart from the release. */
export function formatRecorded(
  { name, row, doc, scenario, recorded }: RecordedScenario,
  equals: (base: Recording, other: Recording) => boolean,
): string {
  const base = recorded[baseRelease];
  const stored = Object.entries(recorded).map(([envoy, recording]): [string, StoredRecording | "="] => {
    if (base === undefined || envoy === baseRelease) return [envoy, pack(recording)];
    return [envoy, equals(base, recording) ? "=" : difference(pack(base), pack(recording))];
  });
  return JSON.stringify({
    name,
    row,
    doc,
    scenario: { ...scenario, name: undefined },
    recorded: Object.fromEntries(stored),
  });
}

function patched(base: StoredRecording, { like: _like, ...patch }: StoredRecording): StoredRecording {
  const kept = Object.entries({ ...base, ...patch }).filter(([, value]) => value !== null);
  return Object.fromEntries(kept);
}

function difference(base: StoredRecording, other: StoredRecording): StoredRecording {
  const members = new Set([...Object.keys(base), ...Object.keys(other)]) as Set<keyof StoredRecording>;
  const changed = Array.from(members, (name) => [name, other[name] ?? null] as const).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(base[name] ?? null),
  );
  return { like: baseRelease, ...Object.fromEntries(changed) };
}

function unpack(envoy: string, stored: StoredRecording): Recording {
  const {
    started = true,
    exit = 0,
    log = [],
    main,
    shutdown,
    clients = [],
    upstream = {},
    access = [],
    ...rest
  } = stored;
  return {
    envoy,
    started,
    exit,
    log: log.map(unpackLine),
    ...(main && { main: main.map(unpackLine) }),
    ...(shutdown && { shutdown: shutdown.map(unpackLine) }),
    clients,
    upstream,
    access,
    ...rest,
  };
}

/** What every ordinary recording has is left out: started, exit 0, empty lists. */
function pack({
  envoy: _envoy,
  started,
  exit,
  log,
  main,
  shutdown,
  clients,
  upstream,
  access,
  ...rest
}: Recording): StoredRecording {
  return {
    ...(!started && { started }),
    ...(exit !== 0 && { exit }),
    ...(log.length > 0 && { log: log.map(packLine) }),
    ...(main && { main: main.map(packLine) }),
    ...(shutdown && { shutdown: shutdown.map(packLine) }),
    ...(clients.length > 0 && { clients }),
    ...(Object.keys(upstream).length > 0 && { upstream }),
    ...(access.length > 0 && { access }),
    ...rest,
  };
}

const levels = "trace|debug|info|warning|error|critical";
const storedGuest = new RegExp(`^(?:(${levels}) )?([^>[]*)> ([^]*)$`);
const storedEnvoy = new RegExp(`^(${levels}) \\[([^\\]]*)\\] ([^]*)$`);

/** `p r> message` at level info, `error p r> message`, `error [wasm] message`; an object where that would not read back. */
export function packLine(line: LogLine): StoredLogLine {
  const text =
    "logger" in line
      ? `${line.level} [${line.logger}] ${line.message}`
      : `${line.level === "info" ? "" : `${line.level} `}${line.prefix}> ${line.message}`;
  return JSON.stringify(unpackLine(text)) === JSON.stringify(line) ? text : line;
}

export function unpackLine(stored: StoredLogLine): LogLine {
  if (typeof stored !== "string") return stored;
  const envoy = storedEnvoy.exec(stored);
  if (envoy !== null) return { level: envoy[1] as LogLevel, logger: envoy[2] ?? "", message: envoy[3] ?? "" };
  const guest = storedGuest.exec(stored);
  return { level: (guest?.[1] ?? "info") as LogLevel, prefix: guest?.[2] ?? "", message: guest?.[3] ?? stored };
}
