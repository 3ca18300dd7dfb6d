// Reads commands as lines of JSON and answers each with a line: what another program, `jose`, makes of
// our tokens, and tokens that it makes itself. Its module is the first argument.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";

const jose = await import(pathToFileURL(process.argv[2]).href);

const commands = {
  // Verify a token as a resource server does that has only the address of the key set.
  async verify({ token, jwks, issuer, audience }) {
    const keys = jose.createLocalJWKSet(jwks);
    const options = { issuer, audience, algorithms: ["PS256"], typ: "at+jwt" };
    try {
      const found = await jose.jwtVerify(token, keys, options);
      return { payload: found.payload, header: found.protectedHeader };
    } catch (error) {
      return { error: error.code ?? String(error) };
    }
  },
  async thumbprint({ jwk }) {
    return { kid: await jose.calculateJwkThumbprint(jwk, "sha256") };
  },
  // Sign claims with a key of its own, or one that is given.
  async sign({ claims, header, pem }) {
    const options = { modulusLength: 2048 };
    const key = pem ? createPrivateKey(pem) : generateKeyPairSync("rsa", options).privateKey;
    const token = await new jose.SignJWT(claims).setProtectedHeader(header).sign(key);
    return { token, jwk: await jose.exportJWK(createPublicKey(key)) };
  },
  async hmac({ claims, header, secret }) {
    const key = Buffer.from(secret);
    const token = await new jose.SignJWT(claims).setProtectedHeader(header).sign(key);
    return { token };
  },
  async unsecured({ claims }) {
    return { token: new jose.UnsecuredJWT(claims).encode() };
  },
  async encrypt({ claims, jwk, header }) {
    const key = await jose.importJWK(jwk, "RSA-OAEP-256");
    const all = { alg: "RSA-OAEP-256", enc: "A256GCM", ...header };
    return { token: await new jose.EncryptJWT(claims).setProtectedHeader(all).encrypt(key) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { name, ...values } = JSON.parse(line);
  process.stdout.write(JSON.stringify(await commands[name](values)) + "\n");
}
