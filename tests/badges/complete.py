"""A credential that says all there is to say in Open Badges 3.0: every class, every property."""

from copy import deepcopy
from typing import Any

W3C = "https://www.w3.org/ns/credentials/v2"
OPEN_BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
EXTENSIONS = "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"
ACADEMY = "https://meadow.example"
JWT = "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJtZWFkb3cifQ.c2lnbmF0dXJl"
MOMENT = "2024-03-12T09:00:00Z"

IMAGE = {"id": f"{ACADEMY}/flower.png", "type": "Image", "caption": "A cornflower"}
NUMBER = {"type": "IdentifierEntry", "identifier": "BOT-1", "identifierType": "ext:catalogue"}
ALIGNMENT = {
    "type": ["Alignment"],
    "targetCode": "B.2",
    "targetDescription": "Names plants by their features",
    "targetName": "Determination",
    "targetFramework": "Skills of the meadow",
    "targetType": "CFItem",
    "targetUrl": "https://skills.example/b2",
}
RUBRIC = {
    "id": "urn:uuid:5f0f5d39-3ed5-4bf5-9c0c-0e8cf6d2b8a1",
    "type": ["RubricCriterionLevel"],
    "alignment": [ALIGNMENT],
    "description": "Twenty plants without a book",
    "level": "Sure",
    "name": "Sure",
    "points": "3",
}
POSSIBLE = {
    "id": "urn:uuid:5f0f5d39-3ed5-4bf5-9c0c-0e8cf6d2b8a2",
    "type": ["ResultDescription"],
    "alignment": [ALIGNMENT],
    "allowedValue": ["1", "2", "3"],
    "name": "Examination",
    "requiredLevel": RUBRIC["id"],
    "requiredValue": "2",
    "resultType": "RubricCriterionLevel",
    "rubricCriterionLevel": [RUBRIC],
    "valueMax": "3",
    "valueMin": "1",
}
RESULT = {
    "type": ["Result"],
    "achievedLevel": RUBRIC["id"],
    "alignment": [ALIGNMENT],
    "resultDescription": POSSIBLE["id"],
    "status": "Completed",
    "value": "3",
}
TEACHER = {
    "id": "did:web:ada.example",
    "type": ["Profile"],
    "name": "Dr Ada van der Example PhD",
    "familyName": "Example",
    "givenName": "Ada",
    "additionalName": "Cleo",
    "patronymicName": "Benovna",
    "honorificPrefix": "Dr",
    "honorificSuffix": "PhD",
    "familyNamePrefix": "van der",
    "dateOfBirth": "1980-02-29",
}
ISSUER = {
    "id": "did:web:meadow.example",
    "type": ["Profile"],
    "name": "Open Meadow Academy",
    "url": ACADEMY,
    "phone": "+81 3 0000 0000",
    "description": "Teaches botany out of doors",
    "image": IMAGE,
    "email": "hello@meadow.example",
    "address": {
        "type": ["Address"],
        "addressCountry": "Japan",
        "addressCountryCode": "JP",
        "addressRegion": "Tōkyō",
        "addressLocality": "Ueno",
        "streetAddress": "1 Meadow Lane",
        "postOfficeBoxNumber": "7",
        "postalCode": "110-0000",
        "geo": {"type": "GeoCoordinates", "latitude": 35.7, "longitude": 139.8},
    },
    "otherIdentifier": [NUMBER],
    "official": "Cleo",
    "parentOrg": {"id": "did:web:union.example", "type": "Profile"},
    "endorsementJwt": [JWT],
}
ACHIEVEMENT = {
    "id": f"{ACADEMY}/botany",
    "type": ["Achievement"],
    "alignment": [ALIGNMENT],
    "achievementType": "Course",
    "creator": TEACHER,
    "creditsAvailable": 4.5,
    "criteria": {"id": f"{ACADEMY}/botany/criteria", "narrative": "Thirty hours of *field work*"},
    "description": "Plants of the meadow",
    "endorsementJwt": [JWT],
    "fieldOfStudy": "Botany",
    "humanCode": "BOT-1",
    "image": IMAGE,
    "inLanguage": "ar",
    "name": "مقدمة في علم النبات",
    "otherIdentifier": [NUMBER],
    "related": [
        {"id": f"{ACADEMY}/botanik", "type": ["Related"], "inLanguage": "zh-Hant-TW", "version": "2023"}
    ],
    "resultDescription": [POSSIBLE],
    "specialization": "Meadows",
    "tag": ["botany", "植物"],
    "version": "2024",
}
STATED = {
    "validFrom": MOMENT,
    "validUntil": "2099-03-12T00:00:00+09:00",
    "awardedDate": MOMENT,
    "credentialSchema": [{"id": f"{ACADEMY}/schema.json", "type": "1EdTechJsonSchemaValidator2019"}],
    "credentialStatus": {"id": f"{ACADEMY}/revoked", "type": "1EdTechRevocationList"},
    "refreshService": {"id": f"{ACADEMY}/refresh", "type": "1EdTechCredentialRefresh"},
    "termsOfUse": [{"id": f"{ACADEMY}/terms", "type": f"{ACADEMY}/terms#policy"}],
}
PROOF = {
    "type": "DataIntegrityProof",
    "created": MOMENT,
    "cryptosuite": "eddsa-rdfc-2022",
    "challenge": "c1",
    "domain": "verifier.example",
    "nonce": "n1",
    "proofPurpose": "assertionMethod",
    "proofValue": "z1",
    "verificationMethod": "did:web:meadow.example#key-1",
}
ENDORSEMENT = STATED | {
    "@context": [W3C, OPEN_BADGES, EXTENSIONS],
    "id": "urn:uuid:5f0f5d39-3ed5-4bf5-9c0c-0e8cf6d2b8a3",
    "type": ["VerifiableCredential", "EndorsementCredential"],
    "name": "In good standing",
    "description": "Of the union of schools",
    "issuer": TEACHER,
    "credentialSubject": {
        "id": ISSUER["id"],
        "type": ["EndorsementSubject"],
        "endorsementComment": "Teaches **well**",
    },
    "proof": [PROOF],
}


def complete(*, endorsed: bool = True) -> dict[str, Any]:
    """The credential, anew each time; without `endorsed` it carries no other credential in itself."""
    endorsement = {"endorsement": [ENDORSEMENT]} if endorsed else {}
    return deepcopy(
        STATED
        | endorsement
        | {
            "proof": PROOF,
            "@context": [W3C, OPEN_BADGES, EXTENSIONS],
            "id": "urn:uuid:5f0f5d39-3ed5-4bf5-9c0c-0e8cf6d2b8a4",
            "type": ["VerifiableCredential", "OpenBadgeCredential"],
            "name": "Botany",
            "description": "Robin knows the meadow",
            "image": IMAGE,
            "endorsementJwt": [JWT],
            "evidence": [
                {
                    "id": "https://evidence.example/1",
                    "type": ["Evidence"],
                    "narrative": "Three *summers*",
                    "name": "Herbarium",
                    "description": "Forty sheets",
                    "genre": "Collection",
                    "audience": "Examiners",
                }
            ],
            "issuer": ISSUER | endorsement,
            "credentialSubject": {
                "id": "did:example:robin",
                "type": ["AchievementSubject"],
                "activityStartDate": MOMENT,
                "activityEndDate": MOMENT,
                "creditsEarned": 4.5,
                "achievement": ACHIEVEMENT | endorsement,
                "identifier": [
                    {
                        "type": "IdentityObject",
                        "hashed": False,
                        "identityHash": "robin@learner.example",
                        "identityType": "emailAddress",
                        "salt": "none",
                    }
                ],
                "image": IMAGE,
                "licenseNumber": "L-1",
                "narrative": "Every Tuesday",
                "result": [RESULT],
                "role": "Student",
                "source": TEACHER,
                "term": "Spring",
            },
        }
    )
