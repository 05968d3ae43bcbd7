import type { CommandOptions } from "./arguments.js";
import { requireTested, testedOptions } from "./deploy-tested.js";
import { UsageError } from "./errors.js";
import { lastOf, repeated, text } from "./exchange-options.js";
import { listOf } from "./values.js";

/** Every action writes into a folder. */
export const outputOption = {
  ...text,
  alias: "o",
  describe: "write into this folder; oci: one that is new, or an image's layout",
};

export const ociOptions: CommandOptions = {
  output: outputOption,
  form: { ...text, describe: "oci: compat (plugin.wasm in an archive) or artifact (the bare module) [compat]" },
  tag: { ...text, describe: "oci: name of the image in its layout [latest, or that of --push]" },
  push: {
    ...text,
    describe: "oci: put the image into a registry, registry/repository:tag [PWH_REGISTRY_USER, PWH_REGISTRY_PASSWORD]",
  },
  "plain-http": { type: "boolean", describe: "oci: speak HTTP without TLS to the registry [to this machine only]" },
  "root-ids": { ...repeated, describe: "oci: root ids to name in an artifact" },
  ...testedOptions,
  json: { type: "boolean", describe: "print one JSON object" },
};

/** `pwh deploy oci filter.wasm` */
export async function deployOci(files: readonly string[], args: Record<string, unknown>): Promise<number> {
  const [file, ...more] = files;
  if (file === undefined || more.length > 0) {
    throw new UsageError(`Cannot deploy oci: one module is wanted, got ${files.length}; write pwh deploy oci <file>`);
  }
  const form = lastOf(args, "form") ?? "compat";
  if (form !== "compat" && form !== "artifact") {
    throw new UsageError(`Cannot use --form "${form}": forms are compat and artifact`);
  }
  const folder = lastOf(args, "output");
  const push = lastOf(args, "push");
  if (folder === undefined && push === undefined) {
    throw new UsageError("Cannot deploy oci: say where to with -o FOLDER or --push REGISTRY/REPOSITORY:TAG");
  }
  const [{ imageReference }, { ociImage }, { loadSource }] = await Promise.all([
    import("../deploy/image-reference.js"),
    import("../deploy/oci.js"),
    import("../harness/source.js"),
  ]);
  const to = push === undefined ? undefined : imageReference(push);
  const { bytes } = await loadSource(file); // what no proxy would load is not put into an image
  await requireTested(file, { module: bytes }, args);
  const tag = lastOf(args, "tag") ?? to?.tag ?? "latest";
  const image = ociImage(bytes, { form, tag, rootIds: listOf(args["root-ids"]) });
  if (folder !== undefined) {
    const { writeLayout } = await import("../deploy/write-layout.js");
    writeLayout(folder, image.files);
  }
  const pushed = to && (await (await import("../deploy/oci-push.js")).pushImage(image, to, pushOptions(args)));
  const { digest } = image.manifest;
  if (args["json"] === true) {
    const blobs = image.blobs.map(({ mediaType, digest: blob, bytes: content }) => ({
      mediaType,
      digest: blob,
      size: content.length,
    }));
    const report = { schema: 1, file, form, digest, blobs, ...(folder && { folder }), ...(pushed && { pushed }) };
    process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    return 0;
  }
  const lines = [`image     ${digest}  (${form}, linux/amd64)`];
  if (folder !== undefined) lines.push(`written   ${folder}`);
  if (pushed !== undefined) {
    lines.push(`pushed    ${push}`, `url       oci://${pushed.reference}`);
    lines.push(
      "          for a WasmPlugin; without a sha256 beside it, which is compared with the manifest's digest, not the module's",
    );
  }
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

function pushOptions(args: Record<string, unknown>) {
  const { PWH_REGISTRY_USER: user, PWH_REGISTRY_PASSWORD: password } = process.env;
  return {
    ...(args["plain-http"] !== undefined && { plainHttp: args["plain-http"] === true }),
    ...(user && password !== undefined && { credentials: { user, password } }),
  };
}
