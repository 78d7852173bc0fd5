// An OAuth 2.0 server of the package oidc-provider, with one client for each grant of the plugin. It writes the files that
// a provider hands out into FOLDER, then it listens.
// Each request is a line of its output.
//
//   node server.mjs PORT CERTIFICATE KEY FOLDER USER SECRET
//
// The client "dovecot" may introspect and revoke tokens, and SECRET is its secret.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { decodeJwt, jwtVerify } from 'jose';
import Provider, { errors } from 'oidc-provider';

const [port, certificate, key, folder, user, secret] = process.argv.slice(2);
const issuer = `https://127.0.0.1:${port}`;
const endpoint = `${issuer}/token`;
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const SCOPE = 'mail offline_access';
const ACCOUNT = 'checker@project.example.org';

const account = generateKeyPairSync('rsa', { modulusLength: 2048 });
const clientSecret = randomBytes(24).toString('base64');

const withoutRedirect = { redirect_uris: [], response_types: [], scope: SCOPE };
const withSecret = { token_endpoint_auth_method: 'client_secret_post', client_secret: clientSecret };
const provider = new Provider(issuer, {
  clients: [
    { ...withoutRedirect, ...withSecret, client_id: 'application', grant_types: ['client_credentials'] },
    { ...withoutRedirect, ...withSecret, client_id: 'mail program', grant_types: ['refresh_token'] },
    { ...withoutRedirect, client_id: ACCOUNT, grant_types: [JWT_BEARER], token_endpoint_auth_method: 'none' },
    { ...withoutRedirect, client_id: 'dovecot', client_secret: secret, grant_types: [] },
  ],
  scopes: SCOPE.split(' '),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: (_, client) => client.clientId === 'dovecot' },
    revocation: { enabled: true },
  },
  // Each refresh token can be used once. A second use withdraws all that was granted with it.
  rotateRefreshToken: true,
  ttl: { AccessToken: 3600, ClientCredentials: 3600, Grant: 3600, RefreshToken: 3600 },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  // The application may open the mailbox of this user, as no user stands behind client credentials.
  extraTokenClaims: (_, token) => ({ username: token.accountId ?? user }),
});

// An account of a service signs its request for a token and sends no client_id (RFC 7521 section 4.1). The client is the
// issuer of the assertion; whether it has signed it, the grant looks at.
provider.use(async (ctx, next) => {
  if (ctx.path === '/token') {
    const form = Object.fromEntries(new URLSearchParams(await text(ctx.req)));
    if (form.grant_type === JWT_BEARER) form.client_id = decodeJwt(form.assertion).iss;
    ctx.req.body = form;
  }
  await next();
  console.log(ctx.method, ctx.path, ctx.status);
});

provider.registerGrantType(JWT_BEARER, async (ctx, next) => {
  const { client, params } = ctx.oidc;
  const wanted = { algorithms: ['RS256'], audience: endpoint, issuer: client.clientId, requiredClaims: ['exp', 'sub'] };
  const { payload } = await jwtVerify(params.assertion, account.publicKey, wanted).catch((why) => {
    throw Object.assign(new errors.InvalidGrant(), { error_description: why.message });
  });
  const grantId = await grant(payload.sub, client.clientId);
  const { scope } = payload;
  const token = new provider.AccessToken({ accountId: payload.sub, client, grantId, gty: JWT_BEARER, scope });
  ctx.body = { access_token: await token.save(), expires_in: token.expiration, token_type: token.tokenType, scope };
  await next();
}, ['assertion']);

async function grant(accountId, clientId) {
  const given = new provider.Grant({ accountId, clientId });
  given.addOIDCScope(SCOPE);
  return given.save();
}

// As if the user had once logged in with a browser.
async function makeRefreshToken() {
  const client = await provider.Client.find('mail program');
  const grantId = await grant(user, client.clientId);
  const token = new provider.RefreshToken({ accountId: user, client, grantId, gty: 'authorization_code', scope: SCOPE });
  return token.save();
}

const serviceAccount = {
  type: 'service_account',
  private_key: account.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  client_email: ACCOUNT,
  token_uri: endpoint,
};
for (const [name, content] of Object.entries({
  'client-secret': clientSecret,
  'refresh-token': await makeRefreshToken(),
  'account.json': JSON.stringify(serviceAccount, null, 2),
})) {
  writeFileSync(join(folder, name), `${content}\n`, { mode: 0o600 });
}
const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
createServer(tls, provider.callback()).listen(Number(port), '127.0.0.1');
