variable "REGISTRY" { default = "localhost/shoal" }
variable "VERSION" { default = "dev" }
# true: both platforms, provenance and bills of materials, which only builders with a driver of their own make. Unset: for this machine.
variable "RELEASE" { default = false }

group "default" { targets = ["shoal", "host", "gateway", "console"] }

target "base" {
  context    = "."
  dockerfile = "deploy/images/Dockerfile"
  platforms  = RELEASE ? ["linux/amd64", "linux/arm64"] : []
  attest     = RELEASE ? ["type=provenance,mode=max", "type=sbom"] : []
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
