import { EXTENDS_LIMIT } from '../bowl/load.ts';
import { CURRENT_API_VERSION } from '../bowl/migrate.ts';
import { RULES, type Rule } from '../bowl/rules.ts';
import { Bowl } from '../bowl/schema.ts';
import { type Field, walkFields } from '../schema/describe.ts';
import { inline, type ReferenceStyle, renderSection, yamlBlock } from './markdown.ts';

/** The reference of the bowl document as Markdown, made from the schema and the rules. */
export function renderReference(): string {
  const fields = [...walkFields(Bowl)];
  const sections = fields.filter((field) => !/[.[]/.test(field.path)).map((top) => renderSection(top, fields, STYLE));
  return [
    '# The bowl document',
    'Made from the schema by `npm run docs`; do not edit.',
    INTRODUCTION,
    '## Example',
    yamlBlock(EXAMPLE),
    '## Keys',
    fields
      .filter((field) => !/[.[]/.test(field.path))
      .map((field) => `- [\`${field.path}\`](#${field.path.toLowerCase()})${field.optional ? '' : ' (required)'}`)
      .join('\n'),
    ...sections,
    '## Rules between keys',
    RULES.map((rule) => `- ${describeRule(rule)}`).join('\n'),
    EXTENDS,
  ]
    .join('\n\n')
    .concat('\n');
}

const INTRODUCTION = `A bowl describes one operating system image. It is a YAML 1.2 file, usually \`bowl.yaml\`, in UTF-8 and of at most 1 MiB.
Unknown keys, keys given twice, tabs as indentation, YAML tags and further documents are errors; each is reported with its file, line,
column and the nearest valid word, all of them at once. \`bowl.schema.json\` gives editors completion and checks:
put \`# yaml-language-server: $schema=\` and the path of that file in the first line.`;

const EXTENDS = `## How \`extends\` merges

- A bowl may extend one other, which may extend another; at most ${EXTENDS_LIMIT} in all.
- Maps merge key by key; everything else of the extending bowl replaces what it inherits, except lists marked "appended" above:
  there its items follow the inherited ones, and an item of the same identity takes the inherited one's place.
- A unit that the extending bowl enables, disables or masks leaves the other two inherited lists.
- Relative paths stay relative to the bowl that wrote them.
- Every file needs its own \`apiVersion\`. The merged document must be complete; a file that is only extended need not be.`;

const EXAMPLE = {
  apiVersion: CURRENT_API_VERSION,
  name: 'edge',
  version: '1.0.0',
  base: { debian: { suite: 'trixie', packages: ['systemd-sysv', 'udev', 'openssh-server'] } },
  kernel: { debian: { suite: 'trixie', package: 'linux-image-amd64' } },
  systemd: { enable: ['ssh.service'] },
  users: [{ name: 'admin', sshAuthorizedKeys: ['ssh-ed25519 AAAAC3Nza... admin@example.org'] }],
  outputs: ['raw', 'iso'],
};

const STYLE: ReferenceStyle = {
  presence,
  note: mergeNote,
  noteLine: (note) => `- With \`extends\`: ${note}`,
};

function presence(field: Field): string {
  const parent = field.path.slice(0, -field.key.length - 1);
  const chosen = RULES.some(
    (rule) => rule.kind === 'exactly-one' && rule.path === parent && rule.keys.includes(field.key),
  );
  if (chosen) return 'one of these';
  if (!field.optional) return 'required';
  return field.defaultValue === undefined ? 'none' : inline(field.defaultValue);
}

function mergeNote({ meta }: Field): string {
  if (meta.merge === 'replace') return 'replaced as a whole.';
  if (meta.merge !== 'append') return '';
  const names: Record<string, string> = { value: 'the item itself', package: 'the package name' };
  return meta.identity === undefined
    ? 'appended.'
    : `appended; identity: ${names[meta.identity] ?? `\`${meta.identity}\``}.`;
}

function describeRule(rule: Rule): string {
  switch (rule.kind) {
    case 'exactly-one':
      return `\`${rule.path}\` as a map has exactly one of ${rule.keys.map((key) => `\`${key}\``).join(', ')}.`;
    case 'unique': {
      const what = rule.key === undefined ? 'the same item' : `an item with the same \`${rule.key}\``;
      return `\`${rule.path}\` does not hold ${what} twice${rule.severity === 'warning' ? ' (a warning)' : ''}.`;
    }
    case 'disjoint':
      return `No item is in more than one of ${rule.lists.map((list) => `\`${list}\``).join(', ')}.`;
    case 'no-effect':
      return `\`${rule.path}.${rule.key}\` has no effect beside \`${rule.beside}\` (a warning).`;
    case 'each-arch':
      return `\`${rule.path}\` as a map has a value for each architecture in \`arch\`.`;
  }
}
