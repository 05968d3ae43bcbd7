import type { KeyObject } from "node:crypto";
import { createPrivateKey, createPublicKey, sign as signBytes, verify as verifyBytes } from "node:crypto";
import { utf8ByteString } from "../../../abi/bytes.js";
import { Status } from "../../../abi/enums.js";
import { MessageWriter } from "../../../abi/protobuf.js";
import type { ForeignFunction } from "../../../host/foreign-function.js";
import type { Profile } from "../profiles.js";
import { ScalarMessage } from "./message.js";

/** [E] getHashFunction: those it knows, in any case. */
const hashes: ReadonlySet<string> = new Set(["sha1", "sha224", "sha256", "sha384", "sha512"]);

/**
 * `verify_signature`: VerifySignatureArguments { 1 hash_function, 2 public_key (DER), 3 signature, 4 text, 5 public_key_pem }
 * gives VerifySignatureResult { 1 result, 2 error }.
 *
 * BAD_ARGUMENT for bytes that are no such message, for a PEM text that is no key, for no key and for two; before 1.37 there is no field 5, and no key is one that cannot be read. [E]
 */
export const verifySignature =
  (profile: Profile): ForeignFunction =>
  (bytes) => {
    const args = ScalarMessage.parse(bytes, [1, 5]);
    if (args === undefined) return Status.BadArgument;
    const [der, pem] = [args.bytes(2), profile.signs ? args.string(5) : ""];
    if (profile.signs && der.length > 0 === (pem !== "")) return Status.BadArgument;
    const key =
      pem === "" ? keyOf(() => createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" })) : pemKey(pem);
    if (pem !== "" && key === undefined) return Status.BadArgument;
    const error = verifyError(args.string(1), key, args.bytes(4), args.bytes(3));
    const result = new MessageWriter();
    return (error === undefined ? result.varint(1, 1) : result.bytes(2, utf8ByteString(error))).finish();
  };

function verifyError(
  hash: string,
  key: KeyObject | undefined,
  text: Uint8Array,
  signature: Uint8Array,
): string | undefined {
  if (!hashes.has(hash.toLowerCase())) return `${hash} is not supported.`;
  if (key === undefined) return "Failed to initialize digest verify.";
  return verifyBytes(hash.toLowerCase(), text, key, signature) ? undefined : "Failed to verify digest. Error code: 0";
}

/**
 * `sign`: SignArguments { 1 hash_function, 2 private_key (DER of PKCS#8), 3 text, 4 private_key_pem } gives
 * SignResult { 1 result, 2 signature, 3 error }.
 *
 * BAD_ARGUMENT for bytes that are no such message and, as with `verify_signature`, for no key and for two. [E] 1.37
 */
export const sign: ForeignFunction = (bytes) => {
  const args = ScalarMessage.parse(bytes, [1, 4]);
  if (args === undefined) return Status.BadArgument;
  const [der, pem] = [args.bytes(2), args.string(4)];
  if (der.length > 0 === (pem !== "")) return Status.BadArgument;
  const key = keyOf(() =>
    pem === ""
      ? createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" })
      : createPrivateKey({ key: pem, format: "pem" }),
  );
  if (pem !== "" && key === undefined) return Status.BadArgument;
  const hash = args.string(1);
  if (!hashes.has(hash.toLowerCase())) return failed(`${hash} is not supported.`);
  if (key === undefined) {
    return failed("Invalid key type: private key required for signing operation.");
  }
  const signature = signBytes(hash.toLowerCase(), args.bytes(3), key);
  return new MessageWriter().varint(1, 1).bytes(2, signature).finish();
};

const failed = (error: string): Uint8Array => new MessageWriter().bytes(3, utf8ByteString(error)).finish();

/** OpenSSL would take a private key for a public one; BoringSSL's importer wants `PUBLIC KEY`. */
const pemKey = (pem: string): KeyObject | undefined =>
  pem.includes("PRIVATE KEY") ? undefined : keyOf(() => createPublicKey({ key: pem, format: "pem" }));

function keyOf(read: () => KeyObject): KeyObject | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
