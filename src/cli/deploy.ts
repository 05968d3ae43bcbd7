import { didYouMean } from "../abi/nearest.js";
import type { CommandOptions } from "./arguments.js";
import type { Command } from "./commands.js";
import { deployExplain, explainOptions } from "./deploy-explain.js";
import { deployManifests } from "./deploy-manifests.js";
import { manifestOptions } from "./deploy-options.js";
import { deployOci, ociOptions } from "./deploy-oci.js";
import { optionsOf, targets } from "./deploy-targets.js";
import { UsageError } from "./errors.js";

/** One of the things that `pwh deploy` makes. */
interface Action {
  readonly summary: string;
  readonly options: CommandOptions;
  /** @returns The exit code. */
  run(files: readonly string[], args: Record<string, unknown>): Promise<number>;
}

const actions: Readonly<Record<string, Action>> = {
  ...Object.fromEntries(
    Object.entries(targets).map(([name, target]): [string, Action] => [
      name,
      {
        summary: target.summary,
        options: optionsOf(target),
        run: (files, args) => deployManifests(name, files, args),
      },
    ]),
  ),
  oci: { summary: "OCI image of the module", options: ociOptions, run: deployOci },
  explain: { summary: "how manifests are applied and watched", options: explainOptions, run: deployExplain },
};

export const deployCommand: Command = {
  name: "deploy",
  usage: "deploy <what> [files..]",
  summary: "write what brings a module to a proxy: Kubernetes manifests, a folder, an OCI image",
  positionals: {
    what: {
      describe: Object.entries(actions)
        .map(([name, { summary }]) => `${name}: ${summary}`)
        .join("; "),
      type: "string",
      demandOption: true,
    },
    files: { describe: "the module; explain: manifests, or their folder", type: "string", array: true },
  },
  options: { ...ociOptions, ...explainOptions, ...manifestOptions },
  examples: [
    "$0 deploy all filter.wasm --deployment shop --port 8080 --istio 1.11 -o deploy/",
    "$0 deploy wasmplugin filter.wasm --url oci://registry.example.com/filter:v1 --label app=shop",
    "$0 deploy bootstrap filter.wasm -c @config.json > envoy.yaml",
    "$0 deploy explain deploy/ service.yaml --where --proxy 1.11.2",
    "$0 deploy oci filter.wasm -o image/ --push registry.example.com/team/filter:v1",
  ],
  async run(args) {
    const what = String(args["what"]);
    const action = Object.hasOwn(actions, what) ? actions[what] : undefined;
    if (action === undefined) {
      const names = Object.keys(actions);
      throw new UsageError(`Cannot deploy "${what}"${didYouMean(what, names)}: there is ${names.join(", ")}`);
    }
    const foreign = Object.keys(deployCommand.options).find(
      (name) => args[name] !== undefined && !Object.hasOwn(action.options, name),
    );
    if (foreign !== undefined)
      throw new UsageError(`Cannot use --${foreign} with pwh deploy ${what}: it is for another`);
    return action.run(((args["files"] as unknown[] | undefined) ?? []).map(String), args);
  },
};
