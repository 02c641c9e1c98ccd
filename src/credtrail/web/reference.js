// Draws this server's own OpenAPI document; asks no other site. Swagger UI is dark by a class of the page.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

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
