import { createHash } from "node:crypto";
import { utf8 } from "../abi/bytes.js";
import { storedGzip } from "./gzip.js";
import { ustar } from "./ustar.js";

/**
 * How the module stands in an image. Deployment reference, section 9.
 *
 * `compat`: a layer with `plugin.wasm` in a compressed archive, as container tools build it; `artifact`: the bare module as one of two layers.
 */
export type OciForm = "compat" | "artifact";

export interface OciOptions {
  /** Default `compat`, which more registries take. */
  readonly form?: OciForm;
  /** Name of the image in its layout. Default `latest`. */
  readonly tag?: string;
  /** Told in an artifact's configuration. Default: none. */
  readonly rootIds?: readonly string[];
}

/** Something in an image, by its digest. */
export interface Blob {
  readonly mediaType: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** An image with one module, for linux/amd64, which is what Istio looks for. */
export interface OciImage {
  /** Its digest is what `oci://…@sha256:…` and WasmPlugin's `sha256` name. */
  readonly manifest: Blob;
  /** What the manifest names: configuration, then layers. */
  readonly blobs: readonly Blob[];
  /** The layout: paths and their bytes, in an order that makes it whole with the last one. */
  readonly files: readonly (readonly [path: string, bytes: Uint8Array])[];
}

export const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  tarGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  wasmConfig: "application/vnd.module.wasm.config.v1+json",
  wasmContent: "application/vnd.module.wasm.content.layer.v1+wasm",
} as const;

/** Makes an image of a module: always the same bytes for the same module and options. */
export function ociImage(module: Uint8Array, options: OciOptions = {}): OciImage {
  const { form = "compat", tag = "latest", rootIds = [] } = options;
  const layers = form === "compat" ? compatLayers(module) : artifactLayers(module, rootIds);
  const config = jsonBlob(mediaTypes.config, {
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const blobs = [config, ...layers.map(({ blob }) => blob)];
  const manifest = jsonBlob(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: descriptor(config),
    layers: layers.map(({ blob }) => descriptor(blob)),
    ...(form === "compat" && { annotations: { "module.wasm.image/variant": "compat" } }),
  });
  return { manifest, blobs, files: layoutOf(manifest, blobs, tag) };
}

interface Layer {
  readonly blob: Blob;
  /** Digest of what is in it, uncompressed. */
  readonly diffId: string;
}

function compatLayers(module: Uint8Array): Layer[] {
  const archive = ustar("plugin.wasm", module);
  return [{ blob: blobOf(mediaTypes.tarGzip, storedGzip(archive)), diffId: digestOf(archive) }];
}

function artifactLayers(module: Uint8Array, rootIds: readonly string[]): Layer[] {
  const config = { type: "envoy_proxy", abiVersions: [], config: { root_ids: rootIds } };
  return [jsonBlob(mediaTypes.wasmConfig, config), blobOf(mediaTypes.wasmContent, module)].map((blob) => ({
    blob,
    diffId: blob.digest,
  }));
}

function layoutOf(manifest: Blob, blobs: readonly Blob[], tag: string): OciImage["files"] {
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [{ ...descriptor(manifest), annotations: { "org.opencontainers.image.ref.name": tag } }],
  };
  const stored = [...blobs, manifest].map(({ digest, bytes }) => [`blobs/${digest.replace(":", "/")}`, bytes] as const);
  return [
    ...stored,
    ["oci-layout", utf8(JSON.stringify({ imageLayoutVersion: "1.0.0" }))],
    ["index.json", utf8(JSON.stringify(index))],
  ];
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const blobOf = (mediaType: string, bytes: Uint8Array): Blob => ({ mediaType, digest: digestOf(bytes), bytes });
const jsonBlob = (mediaType: string, value: object): Blob => blobOf(mediaType, utf8(JSON.stringify(value)));
const descriptor = ({ mediaType, digest, bytes }: Blob): object => ({ mediaType, digest, size: bytes.length });
