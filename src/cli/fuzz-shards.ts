import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { textOf } from "../abi/bytes.js";
import { mostShards } from "../fuzz/shard.js";
import { whyUnreadable } from "../harness/source.js";
import type { CommandOptions } from "./arguments.js";
import { curlArguments } from "./arguments.js";
import { UsageError } from "./errors.js";
import { lastOf, text } from "./exchange-options.js";
import { writeWhole } from "./output.js";
import { bytesArgument, numberArgument } from "./values.js";

const group = "For pwh fuzz k8s and pwh fuzz github:";

/** Options that only these two take, and `workers` and `share`, which a run takes as well. */
export const shardsOptions: CommandOptions = {
  shards: { ...text, group, describe: "machines that share the runs [4]" },
  build: { ...text, group, describe: "github: command that builds the module" },
  image: { ...text, group, describe: "k8s: container image that has pwh as a command" },
  "module-image": { ...text, group, describe: "k8s: OCI image of the module [a ConfigMap with the file]" },
  "share-claim": { ...text, group, describe: "k8s: PersistentVolumeClaim to share, ReadWriteMany" },
  "share-secret": {
    ...text,
    group,
    describe: "k8s: Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of --share s3://...",
  },
  namespace: { ...text, group, describe: "k8s: namespace of the Job" },
  memory: { ...text, group, describe: "k8s: memory of a pod [256Mi and 512Mi for each worker]" },
};

/** Longer than the runs of a shard may take: to pull the image, to start, to shrink what was found last. In seconds. */
const slackSeconds = 300;

/** `pwh fuzz k8s` and `pwh fuzz github`: documents that run the same on many machines. We write no scheduler. */
export async function writeFuzzShards(
  form: "k8s" | "github",
  files: readonly string[],
  args: Record<string, unknown>,
  allOptions: CommandOptions,
): Promise<number> {
  const [file, another] = files;
  if (file === undefined || another !== undefined)
    throw new UsageError(
      `Cannot write the documents: write pwh fuzz ${form} filter.wasm, one module and the options of its run`,
    );
  const number = (name: string, value: number, most: number): number =>
    args[name] === undefined ? value : numberArgument(`--${name}`, lastOf(args, name), 1, most);
  const shards = number("shards", 4, mostShards);
  const workers = number("workers", 1, 256);
  const seconds = number("time", 20, 86_400);
  const foreign = (
    form === "k8s"
      ? ["build"]
      : ["image", "module-image", "share", "share-claim", "share-secret", "namespace", "memory"]
  ).find((name) => args[name] !== undefined);
  if (foreign !== undefined) throw new UsageError(`Cannot use --${foreign} with pwh fuzz ${form}`);
  for (const name of ["shard", "replay", "corpus", "minimize-corpus"]) {
    if (args[name] !== undefined)
      throw new UsageError(`Cannot use --${name} with pwh fuzz ${form}: the documents say it for each shard`);
  }
  for (const name of form === "k8s" ? ["properties", "body", "body-schema", "save", "reporter"] : []) {
    if (args[name] !== undefined)
      throw new UsageError(`Cannot use --${name} with pwh fuzz k8s: a pod has no files of this machine`);
  }
  const given = curlArguments(process.argv.slice(process.argv.indexOf("fuzz") + 1), allOptions);
  const options = given.filter((one) => {
    const [, name] = /^--([a-z-]+)/.exec(one) ?? [];
    return name !== undefined && !own.has(name) && !(form === "k8s" && fromFiles.has(name));
  });
  // a file of this machine is none of a pod's
  if (form === "k8s") {
    for (const name of fromFiles) {
      const value = lastOf(args, name);
      if (value !== undefined) options.push(`--${name}=${textOf(bytesArgument(`--${name}`, value))}`);
    }
  }
  const { fuzzJob, fuzzWorkflow } = await import("../deploy/fuzz-shards.js");
  const common = { fileName: basename(file), options, shards, workers };
  const build = lastOf(args, "build");
  const document =
    form === "github"
      ? fuzzWorkflow({ ...common, file, ...(build !== undefined && { build }) })
      : fuzzJob({
          ...common,
          module: moduleBytes(file),
          image: needed(args, "image", "an image that has pwh as a command"),
          share: shareOf(args),
          deadlineSeconds: seconds + slackSeconds,
          ...optional(args, "module-image", "moduleImage"),
          ...optional(args, "namespace", "namespace"),
          ...optional(args, "memory", "memory"),
        });
  const output = lastOf(args, "output");
  if (output === undefined) process.stdout.write(document);
  else writeWhole(output, document);
  return 0;
}

const fromFiles: ReadonlySet<string> = new Set(["config", "vm-config"]);
const own: ReadonlySet<string> = new Set([...Object.keys(shardsOptions), "workers", "share", "output"]);

function shareOf(args: Record<string, unknown>) {
  const [claim, bucket] = [lastOf(args, "share-claim"), lastOf(args, "share")];
  if ((claim === undefined) === (bucket === undefined) || (bucket !== undefined && !bucket.startsWith("s3://")))
    throw new UsageError(
      "Cannot write a Job: its shards share --share-claim NAME, or --share s3://bucket/prefix with --share-secret NAME",
    );
  if (claim !== undefined) return { claim };
  const [endpoint, region] = [process.env["AWS_ENDPOINT_URL"], process.env["AWS_REGION"]];
  return {
    bucket: bucket!,
    secret: needed(args, "share-secret", "a Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ...(endpoint && { endpoint }),
    ...(region && { region }),
  };
}

function needed(args: Record<string, unknown>, name: string, what: string): string {
  const value = lastOf(args, name);
  if (value === undefined) throw new UsageError(`Cannot write a Job: give --${name}, ${what}`);
  return value;
}

function optional(args: Record<string, unknown>, name: string, key: string): object {
  const value = lastOf(args, name);
  return value === undefined ? {} : { [key]: value };
}

function moduleBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (thrown) {
    throw new UsageError(`Cannot read ${file}: ${whyUnreadable(thrown)}`);
  }
}
