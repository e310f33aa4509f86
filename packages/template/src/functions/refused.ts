const KEYS = 'It makes or uses keys; make them outside the template, for example by a step of `commands`.';
const PASSWORDS = 'Hash the password beforehand and write the hash.';

/** Functions of sprig and of tools around it that do not exist here, and what to do instead. */
export const REFUSED_FUNCTIONS: Readonly<Record<string, string>> = {
  bcrypt: PASSWORDS,
  htpasswd: PASSWORDS,
  derivePassword: PASSWORDS,
  encryptAES: KEYS,
  decryptAES: KEYS,
  genPrivateKey: KEYS,
  genCA: KEYS,
  genCAWithKey: KEYS,
  genSelfSignedCert: KEYS,
  genSelfSignedCertWithKey: KEYS,
  genSignedCert: KEYS,
  genSignedCertWithKey: KEYS,
  buildCustomCert: KEYS,
  getHostByName: 'Templates do not use the network; look names up in a step of `commands`.',
  call: 'There are no functions in the data.',
  toYaml: 'It is a function of Helm; toJson gives JSON, which is YAML too.',
  fromYaml: 'It is a function of Helm; fromJson reads JSON.',
  toToml: 'It is a function of Helm.',
  include: 'It is a function of Helm; use {{ template "name" . }}.',
  tpl: 'It is a function of Helm; a template is rendered once.',
  lookup: 'It is a function of Helm; there is no cluster to ask.',
};
