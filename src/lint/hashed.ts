/** Whether a name ends with a hash: hexadecimal digits as ours, or the ten letters of Kustomize. */
export const isHashed = (name: string): boolean =>
  /-(?=[0-9a-f]*\d)[0-9a-f]{8,64}(\.wasm)?$/.test(name) || /-[2456789bcdfghkmt]{10}$/.test(name);
