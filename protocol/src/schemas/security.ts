import { Type, type TUnsafe } from 'typebox';
import { def, type Static } from './def.ts';
import { mapOf, oneOf, OptionalFlag, OptionalText, OptionalTexts, Text } from './base.ts';

const Scopes = mapOf(Type.String());

const $StringList = Type.Object({ list: OptionalTexts });
export interface StringList extends Static<typeof $StringList> {}
export const StringList: TUnsafe<StringList> = def('StringList', $StringList);

const $SecurityRequirement = Type.Object({ schemes: Type.Optional(mapOf(StringList)) });
/** `{ "schemes": { "oauth": { "list": ["scope"] } } }` */
export interface SecurityRequirement extends Static<typeof $SecurityRequirement> {}
export const SecurityRequirement: TUnsafe<SecurityRequirement> = def(
  'SecurityRequirement',
  $SecurityRequirement,
);

const $APIKeySecurityScheme = Type.Object({ location: Text, name: Text, description: OptionalText });
/** `location` is `query`, `header` or `cookie`. */
export interface APIKeySecurityScheme extends Static<typeof $APIKeySecurityScheme> {}
export const APIKeySecurityScheme: TUnsafe<APIKeySecurityScheme> = def(
  'APIKeySecurityScheme',
  $APIKeySecurityScheme,
);

const $HTTPAuthSecurityScheme = Type.Object({
  scheme: Text,
  bearerFormat: OptionalText,
  description: OptionalText,
});
export interface HTTPAuthSecurityScheme extends Static<typeof $HTTPAuthSecurityScheme> {}
export const HTTPAuthSecurityScheme: TUnsafe<HTTPAuthSecurityScheme> = def(
  'HTTPAuthSecurityScheme',
  $HTTPAuthSecurityScheme,
);

const $AuthorizationCodeOAuthFlow = Type.Object({
  authorizationUrl: Text,
  tokenUrl: Text,
  scopes: Scopes,
  refreshUrl: OptionalText,
  pkceRequired: OptionalFlag,
});
export interface AuthorizationCodeOAuthFlow extends Static<typeof $AuthorizationCodeOAuthFlow> {}
export const AuthorizationCodeOAuthFlow: TUnsafe<AuthorizationCodeOAuthFlow> = def(
  'AuthorizationCodeOAuthFlow',
  $AuthorizationCodeOAuthFlow,
);

const $ClientCredentialsOAuthFlow = Type.Object({ tokenUrl: Text, scopes: Scopes, refreshUrl: OptionalText });
export interface ClientCredentialsOAuthFlow extends Static<typeof $ClientCredentialsOAuthFlow> {}
export const ClientCredentialsOAuthFlow: TUnsafe<ClientCredentialsOAuthFlow> = def(
  'ClientCredentialsOAuthFlow',
  $ClientCredentialsOAuthFlow,
);

const $DeviceCodeOAuthFlow = Type.Object({
  deviceAuthorizationUrl: Text,
  tokenUrl: Text,
  scopes: Scopes,
  refreshUrl: OptionalText,
});
export interface DeviceCodeOAuthFlow extends Static<typeof $DeviceCodeOAuthFlow> {}
export const DeviceCodeOAuthFlow: TUnsafe<DeviceCodeOAuthFlow> = def(
  'DeviceCodeOAuthFlow',
  $DeviceCodeOAuthFlow,
);

const $ImplicitOAuthFlow = Type.Object({
  authorizationUrl: OptionalText,
  refreshUrl: OptionalText,
  scopes: Type.Optional(Scopes),
});
/** Deprecated by A2A, still in its data model. */
export interface ImplicitOAuthFlow extends Static<typeof $ImplicitOAuthFlow> {}
export const ImplicitOAuthFlow: TUnsafe<ImplicitOAuthFlow> = def('ImplicitOAuthFlow', $ImplicitOAuthFlow);

const $PasswordOAuthFlow = Type.Object({
  tokenUrl: OptionalText,
  refreshUrl: OptionalText,
  scopes: Type.Optional(Scopes),
});
/** Deprecated by A2A, still in its data model. */
export interface PasswordOAuthFlow extends Static<typeof $PasswordOAuthFlow> {}
export const PasswordOAuthFlow: TUnsafe<PasswordOAuthFlow> = def('PasswordOAuthFlow', $PasswordOAuthFlow);

const $OAuthFlows = oneOf({
  authorizationCode: AuthorizationCodeOAuthFlow,
  clientCredentials: ClientCredentialsOAuthFlow,
  implicit: ImplicitOAuthFlow,
  password: PasswordOAuthFlow,
  deviceCode: DeviceCodeOAuthFlow,
});
export type OAuthFlows = Static<typeof $OAuthFlows>;
export const OAuthFlows: TUnsafe<OAuthFlows> = def('OAuthFlows', $OAuthFlows);

const $OAuth2SecurityScheme = Type.Object({
  flows: OAuthFlows,
  oauth2MetadataUrl: OptionalText,
  description: OptionalText,
});
export interface OAuth2SecurityScheme extends Static<typeof $OAuth2SecurityScheme> {}
export const OAuth2SecurityScheme: TUnsafe<OAuth2SecurityScheme> = def(
  'OAuth2SecurityScheme',
  $OAuth2SecurityScheme,
);

const $OpenIdConnectSecurityScheme = Type.Object({ openIdConnectUrl: Text, description: OptionalText });
export interface OpenIdConnectSecurityScheme extends Static<typeof $OpenIdConnectSecurityScheme> {}
export const OpenIdConnectSecurityScheme: TUnsafe<OpenIdConnectSecurityScheme> = def(
  'OpenIdConnectSecurityScheme',
  $OpenIdConnectSecurityScheme,
);

const $MutualTlsSecurityScheme = Type.Object({ description: OptionalText });
export interface MutualTlsSecurityScheme extends Static<typeof $MutualTlsSecurityScheme> {}
export const MutualTlsSecurityScheme: TUnsafe<MutualTlsSecurityScheme> = def(
  'MutualTlsSecurityScheme',
  $MutualTlsSecurityScheme,
);

const $SecurityScheme = oneOf({
  apiKeySecurityScheme: APIKeySecurityScheme,
  httpAuthSecurityScheme: HTTPAuthSecurityScheme,
  oauth2SecurityScheme: OAuth2SecurityScheme,
  openIdConnectSecurityScheme: OpenIdConnectSecurityScheme,
  mtlsSecurityScheme: MutualTlsSecurityScheme,
});
export type SecurityScheme = Static<typeof $SecurityScheme>;
export const SecurityScheme: TUnsafe<SecurityScheme> = def('SecurityScheme', $SecurityScheme);
