import { didYouMean } from "../abi/nearest.js";
import type { Command } from "./commands.js";
import { UsageError } from "./errors.js";

const actions = ["install", "list"] as const;

export const envoyCommand: Command = {
  name: "envoy",
  usage: "envoy <action> [release]",
  summary: "install a real Envoy for `pwh verify`, or list those that are there",
  positionals: {
    action: { describe: "install or list", type: "string", demandOption: true },
    release: { describe: "release to install, such as 1.40.0 [the newest that was recorded]", type: "string" },
  },
  options: {},
  examples: ["$0 envoy install", "$0 envoy install 1.36.4"],
  async run(args) {
    const action = String(args["action"]);
    const version = args["release"] === undefined ? undefined : String(args["release"]);
    if (action === "install") {
      if (version !== undefined && !/^\d+\.\d+\.\d+$/.test(version)) {
        throw new UsageError(`Cannot install Envoy "${version}": a release like 1.40.0 is wanted`);
      }
      const { installEnvoy } = await import("../verify/envoy/install.js");
      const { path } = await installEnvoy(version, { say: (line) => process.stderr.write(`${line}\n`) });
      process.stdout.write(`${path}\n`);
      return 0;
    }
    if (action === "list") {
      const { installedBinary, installedVersions } = await import("../verify/envoy/find.js");
      const versions = installedVersions();
      if (versions.length === 0) process.stderr.write("No Envoy is installed: pwh envoy install gets one\n");
      for (const one of versions) process.stdout.write(`${one}  ${installedBinary(one)}\n`);
      return 0;
    }
    throw new UsageError(`Unknown action "${action}"${didYouMean(action, actions)}: ${actions.join(" or ")}`);
  },
};
