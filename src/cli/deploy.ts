import { didYouMean } from "../abi/nearest.js";
import type { CommandOptions } from "./arguments.js";
import type { Command } from "./commands.js";
import { allOptions, deployAll } from "./deploy-all.js";
import { deployOci, ociOptions } from "./deploy-oci.js";
import { UsageError } from "./errors.js";

/** One of the things that `pwh deploy` makes; each has a file of its own. */
interface Action {
  readonly options: CommandOptions;
  /** @returns The exit code. */
  run(files: readonly string[], args: Record<string, unknown>): Promise<number>;
}

const actions: Readonly<Record<string, Action>> = {
  all: { options: allOptions, run: deployAll },
  oci: { options: ociOptions, run: deployOci },
};

export const deployCommand: Command = {
  name: "deploy",
  usage: "deploy <what> [files..]",
  summary: "write what brings a module to a proxy: Kubernetes manifests (all), an OCI image (oci)",
  positionals: {
    what: { describe: Object.keys(actions).join(", "), type: "string", demandOption: true },
    files: { describe: "the module", type: "string", array: true },
  },
  options: Object.assign({}, ...Object.values(actions).map(({ options }) => options)) as CommandOptions,
  examples: [
    "$0 deploy all filter.wasm --deployment shop --port 8080 --istio 1.11 -o deploy/",
    "$0 deploy oci filter.wasm -o image/ --push registry.example.com/team/filter:v1",
  ],
  async run(args) {
    const what = String(args["what"]);
    const action = Object.hasOwn(actions, what) ? actions[what] : undefined;
    if (action === undefined) {
      const names = Object.keys(actions);
      throw new UsageError(`Cannot deploy "${what}"${didYouMean(what, names)}: there is ${names.join(", ")}`);
    }
    const foreign = Object.values(actions)
      .flatMap(({ options }) => Object.keys(options))
      .find((name) => args[name] !== undefined && !Object.hasOwn(action.options, name));
    if (foreign !== undefined)
      throw new UsageError(`Cannot use --${foreign} with pwh deploy ${what}: it is for another`);
    return action.run(((args["files"] as unknown[] | undefined) ?? []).map(String), args);
  },
};
