import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { messageOf } from "../../errors.js";
import { envoyError } from "./errors.js";

export interface EnvoyBinary {
  /** The binary itself, never a wrapper that starts it. */
  readonly path: string;
  /** `1.40.0` */
  readonly version: string;
}

/** Where `pwh envoy install` puts releases, one folder each. */
export function envoyHome(environment: NodeJS.ProcessEnv = process.env): string {
  const home =
    environment["PWH_HOME"] || join(environment["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "proxy-wasm-harness");
  return join(home, "envoy");
}

/** The binary of an installed release, whether it is there or not. */
export const installedBinary = (version: string, environment?: NodeJS.ProcessEnv): string =>
  join(envoyHome(environment), version, "envoy", "_bin", "envoy");

/** Installed releases, newest first. */
export function installedVersions(environment?: NodeJS.ProcessEnv): string[] {
  const home = envoyHome(environment);
  if (!existsSync(home)) return [];
  return readdirSync(home)
    .filter((version) => isVersion(version) && isExecutable(installedBinary(version, environment)))
    .sort((a, b) => compareVersions(b, a));
}

/**
 * Finds an Envoy: the one asked for by path or version; otherwise `ENVOY`, then `envoy` in PATH, then the newest installed.
 *
 * @param wanted A path, or a version: `1.40.0`, or `1.40` for the newest installed patch of it.
 * @throws {HarnessError} `ENVOY_MISSING`, `ENVOY_UNUSABLE`.
 */
export async function findEnvoy(wanted?: string, environment: NodeJS.ProcessEnv = process.env): Promise<EnvoyBinary> {
  if (wanted !== undefined) return named(wanted, "", environment);
  const byVariable = environment["ENVOY"];
  if (byVariable) return named(byVariable, ' (from the variable "ENVOY")', environment);
  const inPath = (environment["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => nativeBinary(join(folder, "envoy")))
    .find(isExecutable);
  if (inPath !== undefined) return describe(inPath);
  const [newest] = installedVersions(environment);
  if (newest !== undefined) return describe(installedBinary(newest, environment));
  throw envoyError(
    "ENVOY_MISSING",
    'Cannot find Envoy: neither the variable "ENVOY" nor PATH has one, and none is installed',
    {
      details: [
        "`pwh envoy install` gets one from a Python package registry",
        `It would stand in ${envoyHome(environment)}`,
      ],
    },
  );
}

async function named(wanted: string, source: string, environment: NodeJS.ProcessEnv): Promise<EnvoyBinary> {
  if (isVersion(wanted)) {
    const have = installedVersions(environment);
    const version = have.find((installed) => installed === wanted || installed.startsWith(`${wanted}.`));
    if (version !== undefined) return describe(installedBinary(version, environment));
    const present = have.length > 0 ? `installed are ${have.join(", ")}` : "none is installed";
    throw envoyError("ENVOY_MISSING", `Cannot find Envoy ${wanted}${source}: ${present}`, {
      details: [`\`pwh envoy install ${wanted}\` gets it from a Python package registry`],
    });
  }
  const path = nativeBinary(wanted);
  if (!isExecutable(path)) {
    const state = existsSync(wanted) ? "it is not an executable file" : "there is no such file";
    throw envoyError("ENVOY_MISSING", `Cannot find Envoy at "${wanted}"${source}: ${state}`);
  }
  return describe(path);
}

const isVersion = (text: string): boolean => /^\d+\.\d+(\.\d+)?([.\w]*)?$/.test(text);

/**
 * The Python package puts a script `envoy` in PATH that starts the binary, in a process whose id we would not know:
 * the binary stands beside the package.
 */
function nativeBinary(path: string): string {
  const library = join(path, "..", "..", "lib");
  if (!existsSync(path) || !existsSync(library) || statSync(path).size > 100_000) return path;
  const inPackage = readdirSync(library)
    .filter((name) => name.startsWith("python3"))
    .map((name) => join(library, name, "site-packages", "envoy", "_bin", "envoy"))
    .find(isExecutable);
  return inPackage ?? path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

async function describe(path: string): Promise<EnvoyBinary> {
  return { path, version: await envoyVersion(path) };
}

/**
 * The release a binary says it is.
 *
 * @throws {HarnessError} `ENVOY_UNUSABLE` if it cannot be run or says something else.
 */
export async function envoyVersion(path: string): Promise<string> {
  let output: string;
  try {
    ({ stdout: output } = await promisify(execFile)(path, ["--version"], { timeout: 10_000 }));
  } catch (thrown) {
    throw envoyError("ENVOY_UNUSABLE", `Cannot run "${path} --version": ${messageOf(thrown).split("\n")[0]}`, {
      cause: thrown,
    });
  }
  // …/envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL
  const [, version] = /version: \w+\/([^/\s]+)\//.exec(output) ?? [];
  if (version === undefined) {
    throw envoyError(
      "ENVOY_UNUSABLE",
      `Cannot use "${path}" as Envoy: it says "${output.trim().slice(0, 200)}" for --version`,
    );
  }
  return version;
}

/** By numbers, part by part. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split("."), b.split(".")];
  for (let part = 0; part < Math.max(left.length, right.length); part++) {
    const difference = Number.parseInt(left[part] ?? "0", 10) - Number.parseInt(right[part] ?? "0", 10);
    if (difference !== 0) return difference;
  }
  return 0;
}
