/** Bytes as characters 0 to 255, read as UTF-8; what is none becomes U+FFFD, as RE2 takes it. */
export function latin1ToUtf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
