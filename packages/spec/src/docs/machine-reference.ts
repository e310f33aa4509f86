import { HEADERS } from '../machine/document.ts';
import { NOT_APPLIED_YET } from '../machine/not-applied.ts';
import { MachineConfig } from '../machine/schema.ts';
import { STAGE_NAMES } from '../machine/stage-names.ts';
import { PLUGIN_KEYS } from '../machine/step.ts';
import { type Field, walkFields } from '../schema/describe.ts';
import { type ReferenceStyle, renderSection, yamlBlock } from './markdown.ts';

/** The reference of cloud-configs as Markdown, made from the schema. */
export function renderMachineReference(): string {
  const fields = [...walkFields(MachineConfig)];
  const tops = fields.filter((field) => !/[.[]/.test(field.path));
  const text = [
    '# The cloud-config of a machine',
    'Made from the schema by `npm run docs`; do not edit.',
    INTRODUCTION,
    '## Example',
    `\`\`\`yaml\n#cloud-config\n${yamlBlock(EXAMPLE).slice('```yaml\n'.length)}`,
    READING,
    MERGING,
    COMMAND_LINE,
    CLOUD_INIT,
    '## Stages',
    STAGES,
    '## Keys',
    tops
      .map(
        (field) => `- [\`${field.path}\`](#${field.path.toLowerCase()})${isApplied(field) ? '' : ' (not applied yet)'}`,
      )
      .join('\n'),
    ...tops.map((top) => renderSection(top, fields, STYLE)),
    '## Not applied yet',
    'These keys are checked, and `bowline-agent status` and the console name them when they are set:',
    Object.entries(NOT_APPLIED_YET)
      .map(([key, reason]) => `- \`${key}\`: ${reason}.`)
      .join('\n'),
  ]
    .join('\n\n')
    .concat('\n');
  return withOctalModes(text);
}

/** Examples hold modes as numbers; people write them in octal. */
function withOctalModes(text: string): string {
  const octal = (digits: string) => `0${Number(digits).toString(8)}`;
  return text
    .replaceAll(/(permissions"?:) ?(\d+)/g, (_whole, key: string, digits: string) => `${key} ${octal(digits)}`)
    .replaceAll(
      /^(\| `[^`]*permissions` .*\| `)(\d+)(` \|)$/gm,
      (_whole, start: string, digits: string, end: string) => {
        return `${start}${octal(digits)}${end}`;
      },
    );
}

const STYLE: ReferenceStyle = {
  presence: (field) => (field.optional ? 'none' : 'required'),
  note: (field) =>
    [
      field.meta.dead === undefined ? '' : `Has no effect: ${field.meta.dead}.`,
      (field.meta.taughtAs ?? []).map((name) => `\`${name}\` is read as this key, with a warning.`).join(' '),
      field.meta.modeUnlessGiven === undefined ? '' : `${field.meta.modeUnlessGiven} unless given, with a warning.`,
      isApplied(field) ? '' : 'Not applied yet.',
    ]
      .filter(Boolean)
      .join(' '),
  noteLine: (note) => `- ${note}`,
};

function isApplied(field: Field): boolean {
  return !Object.hasOwn(NOT_APPLIED_YET, field.path);
}

const EXAMPLE = {
  hostname: 'edge-{{ trunc 4 .MachineID }}',
  users: [{ name: 'ada', groups: ['admin'], ssh_authorized_keys: ['github:ada'] }],
  stages: {
    boot: [{ name: 'Greet', files: [{ path: '/etc/motd', permissions: '0644', content: 'Welcome.\n' }] }],
  },
};

const INTRODUCTION = `A cloud-config says what a machine does with itself: at boot, when the network is there, around installing and
upgrading. It is a YAML file of at most 1 MiB that has one of ${HEADERS.map((header) => `\`${header}\``).join(', ')} at the start of one of
its first 10 lines. Configurations of Kairos run unchanged. \`cloud-config.schema.json\` gives editors completion and checks.
\`bowline validate FILE\` says everything that is wrong, with line, column and the likely word; \`--strict\` makes every warning an error.`;

const READING = `## How files are read

- A file without header is read for \`name\` and \`stages\` only.
- A wrong value is left out with a warning and the rest is used; a misspelt key is reported, never applied under the name that was
  probably meant. Names that the documentation of Kairos teaches although Kairos ignores them (\`owner_string\`, \`no_format\`) are
  applied, with a warning.
- What is certainly meant is converted: one value where a list belongs, a number or \`true\` where text belongs, \`yes\`, \`no\`, \`on\`,
  \`off\` where a truth value belongs.
- Permissions are octal: \`0644\`, \`0o644\`, \`"0644"\` and \`644\` are the same. Other decimal numbers are taken as they are (420 is 0644).
- Anchors and merge keys (\`<<\`) work, within 50000 values and 40 levels. Of several documents in one file the first is read.
- When a file is no YAML as a whole, every block that starts at the beginning of a line is read on its own, and what cannot be read
  is left out with a warning. Only a text without any known key and header is refused.
- Expressions are RE2. One that RE2 refuses, such as a lookahead, never matches; a warning says so.`;

const MERGING = `## How files merge

| values | result |
|---|---|
| maps | deep merge |
| text, numbers, truth values | the later wins |
| lists | appended when the first item of the earlier one is a map; else the items that the earlier one lacks are appended |
| \`null\` | nothing of the type that was there: \`""\`, \`0\`, \`false\`, \`[]\`, \`{}\` |
| different types | the earlier stays, with a warning |
| \`stages\`, and the keys of cloud-init | nothing is overwritten: the steps of every file run, in the order of the files |`;

const COMMAND_LINE = `## On the kernel command line

| argument | meaning |
|---|---|
| \`bowline.config=KEY=VALUE\`, \`kairos.config=KEY=VALUE\` | sets a key, as if in a file after all others |
| \`KEY=VALUE\` | the same, when the first part of KEY is a known key: \`install.auto\`, \`stages.boot[0].commands[0]="echo hello"\` |
| \`config_url=\`, \`bowline.config_url=\`, \`kairos.config_url=\`, \`cos.setup=\` | URL of further configuration |

KEY is a path of names and indices (\`users[0].name\`, \`runcmd.0\`); without a value it is \`true\`. Blanks need double quotes, as for
every kernel argument.`;

const CLOUD_INIT = `## Keys of cloud-init

They become steps, which run before those that the same file has in \`stages\`:

| key | stage |
|---|---|
| \`hostname\`, \`users\`, keys written in full | \`initramfs\`: accounts are there before any service starts |
| \`github:\`, \`gitlab:\` and \`https:\` keys | \`network\` |
| \`growpart\`, \`write_files\`, \`milpa_files\`, \`runcmd\`, in this order | \`boot\` |

\`ssh_authorized_keys\` at the top belong to every user of the list, or to root when there is none.`;

const STAGES = `Known names are ${STAGE_NAMES.map((name) => `\`${name}\``).join(', ')}. Any other name is allowed and runs when
\`bowline-agent run-stage\` is told so. Running \`NAME\` runs \`NAME.before\`, \`NAME\` and \`NAME.after\`. A step does, in this order:
${PLUGIN_KEYS.map((key) => `\`${key}\``).join(', ')}.`;
