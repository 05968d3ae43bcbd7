/** Is this a suite of GoogleCloudPlatform/service-extensions, by its name? */
export const isSuiteFile = (file: string): boolean =>
  /\.(textpb|textproto|pbtxt|txtpb|prototxt)$/.test(file) || (/\.ya?ml$/.test(file) && !/\.pwh\.ya?ml$/.test(file));
