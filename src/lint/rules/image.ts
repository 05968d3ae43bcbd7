import type { LayoutBlob, LayoutManifest } from "../image-layout.js";
import { digestOf, gunzipped, tarFiles } from "../image-layout.js";
import type { Rule } from "../rule.js";

const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
const dockerLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const ociLayer = "application/vnd.oci.image.layer.v1.tar+gzip";
const content = "application/vnd.module.wasm.content.layer.v1+wasm";
const magic = Buffer.from([0x00, 0x61, 0x73, 0x6d]);

const isModule = (bytes: Buffer): boolean => bytes.subarray(0, magic.length).equals(magic);

/** What Istio's fetcher would have against an image, decided as it decides. Deployment reference, section 9. */
function formProblem({ mediaType, layers }: LayoutManifest): string | undefined {
  const last = layers.at(-1);
  if (mediaType === dockerManifest) {
    return last?.mediaType === dockerLayer
      ? archiveProblem(last)
      : `the last layer of a docker image must be ${dockerLayer}`;
  }
  if (last?.mediaType === ociLayer) return archiveProblem(last);
  const module = layers.find((layer) => layer.mediaType === content);
  if (layers.length !== 2 || module === undefined) {
    return `the last layer must be ${ociLayer} and contain plugin.wasm, or one of two layers ${content}`;
  }
  return module.bytes === undefined || isModule(module.bytes)
    ? undefined
    : "the module's layer is no WebAssembly module";
}

function archiveProblem({ bytes }: LayoutBlob): string | undefined {
  if (bytes === undefined) return undefined; // M-O2 tells
  const tar = gunzipped(bytes);
  if (tar === undefined) return "the last layer is no gzip";
  const files = tarFiles(tar);
  if (files === undefined) return "the last layer is no tar";
  const found = [...files].find(([name]) => name === "plugin.wasm" || name.endsWith("/plugin.wasm"));
  if (found === undefined) return `plugin.wasm not found in the archive, which has ${[...files.keys()].join(", ")}`;
  return isModule(found[1]) ? undefined : "plugin.wasm in the archive is no WebAssembly module";
}

const wanted = "linux/amd64";

export const imageRules: readonly Rule[] = [
  {
    id: "M-O1",
    severity: "error",
    title: "An image has plugin.wasm in the archive of its last layer, or is an artifact of two layers",
    why: "Istio's fetcher refuses all others, and the pod waits or answers 403.",
    fix: "Make it with pwh deploy oci.",
    *check({ images }) {
      for (const { folder, manifests, problem } of images) {
        if (problem !== undefined) yield { file: folder, message: `this image layout cannot be read: ${problem}` };
        else if (manifests.length === 0) yield { file: folder, message: "there is no manifest in this image layout" };
        for (const manifest of manifests) {
          if (manifest.platform !== undefined && manifest.platform !== wanted && manifests.length > 1) continue;
          const said = formProblem(manifest);
          if (said !== undefined) yield { file: folder, message: said };
        }
      }
    },
  },
  {
    id: "M-O2",
    severity: "error",
    title: "Digests and sizes of an image are those of its blobs",
    why: "A registry or the fetcher refuses it: Content-Length header does not match expected size.",
    fix: "Make it again; do not edit blobs.",
    *check({ images }) {
      for (const { folder, manifests } of images) {
        for (const { blob, config, layers, diffIds } of manifests) {
          for (const one of [blob, ...(config === undefined ? [] : [config]), ...layers]) {
            const { digest, size, bytes } = one;
            if (bytes === undefined) yield { file: folder, message: `there is no blob ${digest}` };
            else if (digestOf(bytes) !== digest)
              yield { file: folder, message: `blob ${digest} has the digest ${digestOf(bytes)}` };
            else if (size !== bytes.length)
              yield {
                file: folder,
                message: `blob ${digest} has ${bytes.length} bytes, its descriptor says ${String(size)}`,
              };
          }
          for (const [index, layer] of layers.entries()) {
            const tar =
              layer.bytes !== undefined && layer.mediaType.endsWith("gzip") ? gunzipped(layer.bytes) : undefined;
            if (tar === undefined || diffIds[index] === undefined || digestOf(tar) === diffIds[index]) continue;
            const message = `diff_id ${diffIds[index]} is not that of layer ${index} (${digestOf(tar)})`;
            yield { file: folder, message, severity: "warning" }; // Istio does not compare it, container tools do
          }
        }
      }
    },
  },
  {
    id: "M-O3",
    severity: "warning",
    title: `An image is for ${wanted}`,
    why: `Istio selects ${wanted} from an index: no child with that platform, and the download fails.`,
    fix: `Build with --platform ${wanted} --provenance=false.`,
    *check({ images }) {
      for (const { folder, manifests } of images) {
        const platforms = manifests.map(({ platform }) => platform);
        if (manifests.length === 0 || platforms.includes(undefined) || platforms.includes(wanted)) continue;
        yield {
          file: folder,
          message: `Istio selects ${wanted} from an index; this image has only ${platforms.join(", ")}`,
        };
      }
    },
  },
];
