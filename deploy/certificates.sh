#!/bin/sh
# Makes a folder of certificates for compose.tls.yaml, valid for a year: those of an authority, and of
# web, postgres and redis. The key of the authority is not kept, so run it again to renew all of them.
#
#   sudo deploy/certificates.sh FOLDER [NAME ...]     # NAME: more names by which others reach web
set -eu
folder=$1
shift
umask 077
mkdir -p "$folder"
cd "$folder"

certify() { # NAME, the user in its container, more names
    name=$1 user=$2 names=DNS:$1
    shift 2
    for other; do names=$names,DNS:$other; done
    openssl req -new -newkey rsa:3072 -nodes -subj "/CN=$name" -keyout "$name.key" -out "$name.csr"
    printf '%s\n' "subjectAltName=$names" authorityKeyIdentifier=keyid extendedKeyUsage=serverAuth > extensions
    openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 \
        -extfile extensions -out "$name.crt"
    rm "$name.csr" extensions
    chown "$user" "$name.key"
}

# Python takes no authority that does not say what its key is for.
openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj "/CN=Levante" -keyout ca.key -out ca.crt \
    -addext keyUsage=critical,keyCertSign,cRLSign
certify web 10001 localhost "$@"
certify postgres 999
certify redis 999
rm ca.key ca.srl
chmod 755 . && chmod 644 ./*.crt
