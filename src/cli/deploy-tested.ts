import { existsSync } from "node:fs";
import type { ManifestFile } from "../deploy/sidecar-set.js";
import { HarnessError } from "../errors.js";
import type { AttestedCase, Attestation, Subject } from "../scenario/attestation.js";
import type { CommandOptions } from "./arguments.js";
import { UsageError } from "./errors.js";
import { lastOf, text } from "./exchange-options.js";

/** Of everything that brings a module somewhere. */
export const testedOptions: CommandOptions = {
  attestation: {
    ...text,
    describe: "what pwh test --attest wrote about this module and configuration [<module>.attestation.json]",
  },
  untested: { type: "boolean", describe: "without an attestation; the manifests say so" },
};

/** What is known of the plugin's tests, for the head of manifests. */
export interface Tested extends Subject {
  /** Cases that passed; undefined with `--untested`. */
  readonly passed?: number;
}

/**
 * Looks for a passing attestation of these bytes.
 *
 * @param file The module as the person named it.
 * @throws {HarnessError} NOT_TESTED, with what to do.
 */
export async function requireTested(file: string, subject: Subject, args: Record<string, unknown>): Promise<Tested> {
  const given = lastOf(args, "attestation");
  if (args["untested"] === true) {
    if (given !== undefined) throw new UsageError("Cannot use --untested with --attestation: choose one");
    return subject;
  }
  const attestation = given ?? `${file}.attestation.json`;
  const advice = `run pwh test --attest ${attestation}, or say --untested`;
  if (given === undefined && !existsSync(attestation))
    throw new HarnessError("NOT_TESTED", `Cannot deploy ${file}: there is no ${attestation}; ${advice}`);
  const { passedWith } = await import("../scenario/attestation.js");
  const passed = passedWith(await readAttestation(attestation), subject);
  if (typeof passed === "string")
    throw new HarnessError(
      "NOT_TESTED",
      `Cannot deploy ${file}: ${attestation} does not cover it: ${passed}; ${advice}`,
    );
  const istio = lastOf(args, "istio");
  if (istio !== undefined) await sayOtherRelease(istio, passed, attestation);
  return { ...subject, passed: passed.length };
}

/** Tests that ran as another release than the one it is for are worth a word. */
async function sayOtherRelease(istio: string, passed: readonly AttestedCase[], attestation: string): Promise<void> {
  const { istioMinors, profileOf } = await import("../proxy/envoy/profiles.js");
  const minor = Number(/^1\.(\d+)/.exec(istio)?.[1]);
  if (!(minor >= istioMinors.oldest && minor <= istioMinors.newest)) return;
  const { release } = profileOf(`istio-1.${minor}`);
  if (passed.some(({ profile }) => profile === release)) return;
  const ran = [...new Set(passed.map(({ profile }) => profile))].join(", ");
  process.stderr.write(
    `note: its tests ran as Envoy ${ran}, and Istio 1.${minor} has ${release}: pwh test --istio 1.${minor} --attest ${attestation}\n`,
  );
}

async function readAttestation(file: string): Promise<Attestation> {
  const { readNamedFile } = await import("../harness/source.js");
  const { isAttestation } = await import("../scenario/attestation.js");
  const text = new TextDecoder().decode(await readNamedFile(file));
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    read = undefined;
  }
  if (!isAttestation(read))
    throw new UsageError(`Cannot use ${file}: it is no attestation of schema 1, as pwh test --attest writes them`);
  return read;
}

/** Puts above each file which bytes it is about, as comments of YAML and of a shell. */
export async function withOrigin(files: readonly ManifestFile[], tested: Tested): Promise<ManifestFile[]> {
  const { configurationName, sha256Of } = await import("../scenario/attestation.js");
  const { module, configuration, passed } = tested;
  const tests = passed === undefined ? "none, pwh deploy was told --untested" : `${passed} passed (pwh test --attest)`;
  const head = [
    `# module sha256: ${sha256Of(module)}`,
    `# configuration sha256: ${configurationName(configuration ?? new Uint8Array())}`,
    `# tests with both: ${tests}`,
  ];
  return files.map(([name, content]) => [name, `${head.join("\n")}\n${content}`]);
}
