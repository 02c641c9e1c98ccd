// Draws this server's own OpenAPI document; asks no other site.
SwaggerUIBundle({
  url: "/v1/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  filter: false,
  persistAuthorization: false,
  tryItOutEnabled: false,
  validatorUrl: null,
});
