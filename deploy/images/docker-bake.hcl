variable "REGISTRY" { default = "localhost/shoal" }
variable "VERSION" { default = "dev" }

group "default" { targets = ["shoal", "host", "gateway", "console"] }

target "base" {
  context    = "."
  dockerfile = "deploy/images/Dockerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  attest     = ["type=provenance,mode=max", "type=sbom"]
}

target "shoal" {
  inherits = ["base"]
  target   = "shoal"
  tags     = ["${REGISTRY}/shoal:${VERSION}"]
}

target "host" {
  inherits = ["base"]
  target   = "host"
  tags     = ["${REGISTRY}/host:${VERSION}"]
}

target "gateway" {
  inherits = ["base"]
  target   = "gateway"
  tags     = ["${REGISTRY}/gateway:${VERSION}"]
}

target "console" {
  inherits = ["base"]
  target   = "console"
  tags     = ["${REGISTRY}/console:${VERSION}"]
}
