# The images of Claylinux.
#
#   docker buildx bake frontend     the image of the language, which the build files of the next line need
#   docker buildx bake              all images that users start from
#   docker buildx bake test         an image of every format
#   docker buildx bake emulator     a system and its virtual machine: docker compose run --rm emulator
#   docker buildx bake lint         the checks of `make lint`

variable "REPOSITORY" {
  default = "claylinux"
}

# One more tag beside `latest`.
variable "TAG" {
  default = ""
}

# What the label of the images says.
variable "VERSION" {
  default = ""
}

# For example "linux/amd64,linux/arm64"; empty: the engine's own.
variable "PLATFORMS" {
  default = ""
}

# What `emulator` starts.
variable "FORMAT" {
  default = "efi"
}

# A CA bundle, for networks that intercept TLS. Newer buildx wants to be allowed: `--allow=fs.read=FILE`.
variable "CA_CERTIFICATES" {
  default = ""
}

# A repository for build caches, for example "registry.example/me/cache": builds continue from what is there.
variable "CACHE" {
  default = ""
}

# Not empty: write these caches, too.
variable "CACHE_PUSH" {
  default = ""
}

group "default" {
  targets = ["frontend", "imager", "bases"]
}

group "bases" {
  targets = ["alpine-lts", "alpine-stable", "alpine-virt"]
}

group "all" {
  targets = ["default", "test", "emulator", "lint"]
}

# One image under two names: build files need it as frontend, Dockerfiles as imager.
target "frontend" {
  dockerfile = "Dockerfile.frontend"
  secret     = secrets()
  labels     = notequal(VERSION, "") ? { "org.opencontainers.image.version" = VERSION } : {}
  platforms  = split(",", PLATFORMS)
  tags       = tags("frontend")
  cache-from = cache_from("frontend")
  cache-to   = cache_to("frontend")
}

target "imager" {
  inherits = ["frontend"]
  tags     = tags("imager")
  cache-to = []
}

target "base" {
  name       = "alpine-${flavor}"
  matrix     = { flavor = ["lts", "stable", "virt"] }
  inherits   = ["_alpine"]
  context    = "bases"
  dockerfile = "alpine-${flavor}.yaml"
  target     = "image"
  # Takes the place of the file's `# syntax=` line.
  args       = { BUILDKIT_SYNTAX = "${REPOSITORY}/frontend" }
  platforms  = split(",", PLATFORMS)
  tags       = tags("alpine-${flavor}")
  cache-from = cache_from("alpine-${flavor}")
  cache-to   = cache_to("alpine-${flavor}")
}

# Each format, microcode and kernel is in it; all combinations would say no more.
target "test" {
  name = "test-${item.flavor}-${item.format}-${item.ucode}"
  matrix = {
    item = [
      { flavor = "lts", format = "efi", ucode = "intel" },
      { flavor = "stable", format = "raw", ucode = "intel" },
      { flavor = "lts", format = "iso", ucode = "amd" },
      { flavor = "virt", format = "qcow2", ucode = "none" },
      { flavor = "virt", format = "vmdk", ucode = "none" },
      { flavor = "virt", format = "vhdx", ucode = "none" },
      { flavor = "virt", format = "vhd", ucode = "none" },
      { flavor = "virt", format = "vdi", ucode = "none" },
    ]
  }
  inherits = ["_appliance"]
  target   = "image"
  contexts = appliance(item.flavor)
  args = {
    IMAGER = "${REPOSITORY}/imager"
    SYSTEM = "${REPOSITORY}/alpine-${item.flavor}"
    FORMAT = item.format
    UCODE  = item.ucode
  }
  output = ["type=cacheonly"]
}

target "emulator" {
  inherits = ["_appliance"]
  contexts = appliance("virt")
  args = {
    IMAGER = "${REPOSITORY}/imager"
    SYSTEM = "${REPOSITORY}/alpine-virt"
    FORMAT = FORMAT
  }
  tags = tags("emulator")
}

target "lint" {
  dockerfile = "tools/lint.Dockerfile"
  secret     = secrets()
  output     = ["type=cacheonly"]
}


# What a file of your own can change for everything that apk installs: contexts, network.
target "_alpine" {}

target "_appliance" {
  inherits   = ["_alpine"]
  dockerfile = "emulator/Dockerfile"
}

function "appliance" {
  params = [flavor]
  result = {
    "${REPOSITORY}/imager"           = "target:imager"
    "${REPOSITORY}/alpine-${flavor}" = "target:alpine-${flavor}"
  }
}

function "tags" {
  params = [name]
  result = compact(["${REPOSITORY}/${name}:latest", notequal(TAG, "") ? "${REPOSITORY}/${name}:${TAG}" : ""])
}

function "cache_from" {
  params = [name]
  result = notequal(CACHE, "") ? ["type=registry,ref=${CACHE}:${name}"] : []
}

function "cache_to" {
  params = [name]
  result = notequal(CACHE_PUSH, "") ? ["type=registry,ref=${CACHE}:${name},mode=max"] : []
}

function "secrets" {
  params = []
  result = notequal(CA_CERTIFICATES, "") ? ["id=ca-certificates,src=${CA_CERTIFICATES}"] : []
}
