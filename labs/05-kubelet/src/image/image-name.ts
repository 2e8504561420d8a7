// ImageName: what an image may be called, and what a name without a tag means. Pure.
//
// Same idea upstream: github.com/distribution/reference, and k8s.io/kubernetes/pkg/util/parsers.

const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const DOMAIN = '(?:[a-zA-Z0-9-]+(?:\\.[a-zA-Z0-9-]+)*|\\[[a-fA-F0-9:]+\\])(?::\\d+)?';
const TAG_AND_DIGEST = '(?::\\w[\\w.-]{0,127})?(?:@[A-Za-z][\\w+.-]*:[0-9a-fA-F]{32,})?';
const REFERENCE = new RegExp(`^(?:${DOMAIN}/)?${COMPONENT}(?:/${COMPONENT})*${TAG_AND_DIGEST}$`);
const NAME_LENGTH_MAX = 255;

/** Why no engine could ever find such an image, in upstream's words. */
export function imageNameProblem(image: string): string | undefined {
  const name = withTag(image.split('@')[0] ?? '').replace(/:[^:/]*$/, '');
  if (name.length > NAME_LENGTH_MAX)
    return `repository name must not be more than ${NAME_LENGTH_MAX} characters`;
  if (/^[a-f0-9]{64}$/.test(image))
    return `invalid repository name (${image}), cannot specify 64-byte hexadecimal strings`;
  if (REFERENCE.test(image)) return undefined;
  if (!REFERENCE.test(image.toLowerCase())) return 'invalid reference format';
  const repository = name.includes('/') ? withoutDomain(name) : `library/${name}`;
  return `invalid reference format: repository name (${repository}) must be lowercase`;
}

/** What has a dot, a port or a capital letter in front of the first slash, or is localhost, is a registry's address. */
function withoutDomain(name: string): string {
  const first = name.slice(0, name.indexOf('/'));
  const isDomain = /[.:A-Z]/.test(first) || first === 'localhost';
  return isDomain ? name.slice(first.length + 1) : name;
}

export function withTag(image: string): string {
  const lastPart = image.slice(image.lastIndexOf('/') + 1);
  return lastPart.includes(':') || lastPart.includes('@') ? image : `${image}:latest`;
}
